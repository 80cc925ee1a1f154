package io.github.lora4j.lora;

import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
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

  /** The adapter of a model, or null if no published module is adapted: PEFT has no word for it. */
  static @Nullable PeftAdapter of(Module model, AdapterMetadata metadata) {
    List<Place> places = PublishedModule.places(model);
    Map<String, List<Place>> published = PublishedModule.published(places);
    boolean dora = places.stream().anyMatch(Place::hasMagnitude);
    Map<String, PublishedModule> modules = new TreeMap<>();
    published.forEach(
        (name, rows) -> {
          PublishedModule module = PublishedModule.of(rows, dora);
          if (module != null) {
            modules.put(name, module);
          }
        });
    if (modules.values().stream().allMatch(module -> module.branch() == null)) {
      return null;
    }
    Map<String, Tensor> tensors = new TreeMap<>();
    modules.forEach((name, module) -> put(name, module, tensors));
    PeftConfigWriter config = new PeftConfigWriter(metadata, modules, published.keySet(), dora);
    Set<Parameter> included = Collections.newSetFromMap(new IdentityHashMap<>());
    Set<Parameter> unpublished = SavedParameters.unpublished(model);
    for (Place place : places) {
      Linear linear = place.linear();
      Origin origin = linear.origin();
      LinearWithLoRA adapted = place.adapted();
      if (adapted != null) {
        config.dropout(adapted.lora().dropout());
      }
      if (origin == null && unpublished.contains(linear.weight())) {
        tensors.put(
            PeftTensorName.WRAPPERS + place.path() + ".weight", Merge.tensor(linear, adapted));
        config.saveWhole(place.path());
        included.add(linear.weight());
      } else if (origin != null) {
        included.addAll(linear.parameters().values());
      } else {
        continue;
      }
      if (adapted != null) {
        adapted.branches().forEach(branch -> included.addAll(branch.parameters().values()));
        included.addAll(adapted.parameters().values());
      }
    }
    List<String> leftOut = new ArrayList<>();
    SavedParameters.of(model)
        .forEach(
            (name, parameter) -> {
              if (!included.contains(parameter) && !isZero(parameter)) {
                leftOut.add(name);
              }
            });
    return new PeftAdapter(config.toMap(), tensors, leftOut);
  }

  private static void put(String name, PublishedModule module, Map<String, Tensor> tensors) {
    String prefix = PeftTensorName.WRAPPERS + PeftTensorName.BODY + name;
    PublishedBranch branch = module.branch();
    if (branch != null) {
      tensors.put(prefix + ".lora_A.weight", branch.loraA());
      tensors.put(prefix + ".lora_B.weight", branch.loraB());
    }
    if (module.magnitude() != null) {
      tensors.put(prefix + ".lora_magnitude_vector", module.magnitude());
    }
    if (module.weight() != null) {
      tensors.put(prefix + ".weight", Transposed.of(module.weight())); // as Conv1D, (in, out)
    }
    if (module.bias() != null) {
      tensors.put(prefix + (branch == null ? ".bias" : ".base_layer.bias"), module.bias());
    }
  }

  private static boolean isZero(Parameter parameter) {
    for (float value : parameter.data()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }
}
