package io.github.lora4j.lora;

import io.github.lora4j.lora.PublishedBranch.Part;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * An adapter as Hugging Face PEFT files it, for a model of transformers.
 *
 * <p>A module is named by its {@link Origin}. Where several Linear hold rows of one published
 * weight, as query, key and value do, their branches become one, see {@link PublishedBranch}. A
 * Linear without origin, such as a classifier's head, is saved whole, with its branch merged in;
 * its bias has no place in these files.
 *
 * @param config the members of {@code adapter_config.json}: those that every release of PEFT reads
 * @param tensors what {@code adapter_model.safetensors} holds, by name
 * @param leftOut the trained or unpublished parameters that are not zero and have no place here
 */
record PeftAdapter(
    Map<String, @Nullable Object> config, Map<String, Tensor> tensors, List<String> leftOut) {

  /** What transformers calls the modules around those of the published files. */
  private static final String WRAPPERS = "base_model.model.";

  private static final String BODY = "transformer.";

  /** A Linear of the model, and the branch beside it, if there is one. */
  private record Place(String path, Linear linear, @Nullable LoRALayer lora) {}

  /** The adapter of a model, or null if no published module is adapted: PEFT has no word for it. */
  static @Nullable PeftAdapter of(Module model, AdapterMetadata metadata) {
    Map<String, List<Part>> parts = new LinkedHashMap<>();
    Map<String, Tensor> tensors = new TreeMap<>();
    Set<String> savedWhole = new TreeSet<>();
    Set<Parameter> unpublished = SavedParameters.unpublished(model);
    Set<Parameter> included = Collections.newSetFromMap(new IdentityHashMap<>());
    float dropout = 0;
    for (Place place : places(model)) {
      Linear linear = place.linear();
      LoRALayer lora = place.lora();
      Origin origin = linear.origin();
      if (origin != null) {
        parts
            .computeIfAbsent(origin.name(), name -> new ArrayList<>())
            .add(new Part(linear, origin.firstRow(), lora));
        dropout = lora == null ? dropout : Math.max(dropout, lora.dropout());
      } else if (unpublished.contains(linear.weight())) {
        tensors.put(WRAPPERS + place.path() + ".weight", PublishedBranch.merged(linear, lora));
        savedWhole.add(place.path().substring(place.path().lastIndexOf('.') + 1));
        included.add(linear.weight());
      } else {
        continue;
      }
      if (lora != null) {
        included.addAll(lora.parameters().values());
      }
    }
    Map<String, PublishedBranch> branches = new TreeMap<>();
    parts.forEach(
        (name, rows) -> {
          if (rows.stream().anyMatch(part -> part.lora() != null)) {
            PublishedBranch branch = PublishedBranch.of(rows);
            branches.put(name, branch);
            tensors.put(WRAPPERS + BODY + name + ".lora_A.weight", branch.loraA());
            tensors.put(WRAPPERS + BODY + name + ".lora_B.weight", branch.loraB());
          }
        });
    if (branches.isEmpty()) {
      return null;
    }
    List<String> leftOut = new ArrayList<>();
    SavedParameters.of(model)
        .forEach(
            (name, parameter) -> {
              if (!included.contains(parameter) && !isZero(parameter)) {
                leftOut.add(name);
              }
            });
    return new PeftAdapter(
        config(metadata, branches, parts.keySet(), dropout, savedWhole), tensors, leftOut);
  }

  private static List<Place> places(Module model) {
    Map<Linear, Place> places = new IdentityHashMap<>();
    List<Place> ordered = new ArrayList<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              Place place = null;
              if (module instanceof LinearWithLoRA adapted) {
                place = new Place(path, adapted.linear(), adapted.lora());
              } else if (module instanceof Linear linear) {
                place = new Place(path, linear, null);
              }
              // An adapted Linear comes a second time, as the child of its wrapper.
              if (place != null && places.putIfAbsent(place.linear(), place) == null) {
                ordered.add(place);
              }
            });
    return ordered;
  }

  private static boolean isZero(Parameter parameter) {
    for (float value : parameter.data()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  private static Map<String, @Nullable Object> config(
      AdapterMetadata metadata,
      Map<String, PublishedBranch> branches,
      Set<String> published,
      float dropout,
      Set<String> savedWhole) {
    Set<String> targets = new TreeSet<>();
    Map<String, Object> ranks = new TreeMap<>();
    Map<String, Object> alphas = new TreeMap<>();
    Map<String, Scale> scales = new TreeMap<>();
    branches.forEach((name, b) -> scales.put(name, new Scale(b.rank(), b.alpha())));
    Scale common = mostCommon(scales.values());
    scales.forEach(
        (name, own) -> {
          targets.add(shortestSuffix(name, published, scales::containsKey));
          String key =
              shortestSuffix(name, scales.keySet(), other -> own.equals(scales.get(other)));
          if (own.rank() != common.rank()) {
            ranks.put(key, own.rank());
          }
          if (own.alpha() != common.alpha()) {
            alphas.put(key, number(own.alpha()));
          }
        });
    Map<String, @Nullable Object> config = new TreeMap<>();
    config.put("base_model_name_or_path", metadata.baseModel());
    config.put("bias", "none");
    config.put("fan_in_fan_out", true); // transformers keeps GPT-2's weights as (in, out)
    config.put("inference_mode", true);
    config.put("init_lora_weights", true);
    config.put("lora_alpha", number(common.alpha()));
    config.put("lora_dropout", dropout);
    config.put("modules_to_save", savedWhole.isEmpty() ? null : savedWhole);
    config.put("peft_type", "LORA");
    config.put("r", common.rank());
    config.put("revision", null);
    config.put("target_modules", targets);
    config.put("task_type", metadata.task().name());
    if (!ranks.isEmpty()) {
      config.put("rank_pattern", ranks);
    }
    if (!alphas.isEmpty()) {
      config.put("alpha_pattern", alphas);
    }
    return config;
  }

  /** How a branch is described in the configuration. */
  private record Scale(int rank, float alpha) {}

  /** The description that most branches share, the first of them in a draw. */
  private static Scale mostCommon(Collection<Scale> scales) {
    Map<Scale, Integer> counts = new LinkedHashMap<>();
    scales.forEach(scale -> counts.merge(scale, 1, Integer::sum));
    int most = Collections.max(counts.values());
    return scales.stream()
        .filter(scale -> counts.getOrDefault(scale, 0) == most)
        .findFirst()
        .orElseThrow();
  }

  /**
   * The fewest last components of a name that, among all names, only fit such as the test admits. A
   * number is not the first of them: it says nothing without the name before it.
   */
  private static String shortestSuffix(
      String name, Set<String> names, Predicate<String> isAdmitted) {
    for (int dot = name.lastIndexOf('.'); dot >= 0; dot = name.lastIndexOf('.', dot - 1)) {
      String suffix = name.substring(dot + 1);
      if (!Character.isDigit(suffix.charAt(0))
          && names.stream().filter(other -> Targets.endsWith(other, suffix)).allMatch(isAdmitted)) {
        return suffix;
      }
    }
    return name;
  }

  /** A whole number without a fraction, as PEFT declares alpha. */
  private static Object number(float alpha) {
    return alpha == Math.rint(alpha) && alpha < 1 << 24 ? (Object) (int) alpha : (Object) alpha;
  }
}
