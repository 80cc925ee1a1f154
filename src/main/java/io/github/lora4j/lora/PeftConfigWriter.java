package io.github.lora4j.lora;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The members of {@code adapter_config.json}: those that every release of PEFT reads, and beyond
 * them only what the adapter needs.
 */
final class PeftConfigWriter {

  private final AdapterMetadata metadata;
  private final Map<String, PublishedModule> modules;
  private final Set<String> published;
  private final boolean dora;
  private final Set<String> savedWhole = new TreeSet<>();
  private float dropout;

  /**
   * A configuration.
   *
   * @param modules what is adapted or trained, by published name; at least one branch among them
   * @param published the names of all published modules
   * @param dora whether there are magnitudes
   */
  PeftConfigWriter(
      AdapterMetadata metadata,
      Map<String, PublishedModule> modules,
      Set<String> published,
      boolean dora) {
    this.metadata = metadata;
    this.modules = modules;
    this.published = published;
    this.dora = dora;
  }

  /** PEFT has one dropout for all. */
  void dropout(float probability) {
    dropout = Math.max(dropout, probability);
  }

  /** Adds a module without published name that is saved whole. */
  void saveWhole(String path) {
    savedWhole.add(path.substring(path.lastIndexOf('.') + 1));
  }

  Map<String, @Nullable Object> toMap() {
    Map<String, PublishedBranch> branches = new TreeMap<>();
    modules.forEach(
        (name, module) -> {
          if (module.branch() != null) {
            branches.put(name, module.branch());
          }
        });
    boolean rsLora = branches.values().stream().allMatch(b -> b.scaling() == LoraScaling.RSLORA);
    LoraScaling scaling = rsLora ? LoraScaling.RSLORA : LoraScaling.LORA;
    Set<String> targets = new TreeSet<>();
    Map<String, Object> ranks = new TreeMap<>();
    Map<String, Object> alphas = new TreeMap<>();
    Map<String, Scale> scales = new TreeMap<>();
    branches.forEach((name, b) -> scales.put(name, Scale.of(b, scaling)));
    Scale common = MostCommon.of(scales.values());
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
    modules.forEach(
        (name, module) -> {
          if (module.weight() != null) {
            savedWhole.add(shortestSuffix(name, published, other -> isWhole(modules.get(other))));
          }
        });
    Map<String, @Nullable Object> config = new TreeMap<>();
    config.put("base_model_name_or_path", metadata.baseModel());
    config.put("bias", bias(branches.keySet()));
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
    if (rsLora) {
      config.put("use_rslora", true);
    }
    if (dora) {
      config.put("use_dora", true);
    }
    return config;
  }

  private static boolean isWhole(@Nullable PublishedModule module) {
    return module != null && module.weight() != null;
  }

  /** PEFT's word for the biases that are in the file. */
  private String bias(Set<String> adapted) {
    boolean any = false;
    for (Map.Entry<String, PublishedModule> entry : modules.entrySet()) {
      PublishedModule module = entry.getValue();
      if (module.bias() != null && module.weight() == null) {
        if (!adapted.contains(entry.getKey())) {
          return "all";
        }
        any = true;
      }
    }
    return any ? "lora_only" : "none";
  }

  /** How a branch is described in the configuration. */
  private record Scale(int rank, float alpha) {

    static Scale of(PublishedBranch branch, LoraScaling scaling) {
      float alpha =
          branch.scaling() == scaling
              ? branch.alpha()
              : scaling.alpha(branch.factor(), branch.rank());
      return new Scale(branch.rank(), alpha);
    }
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
