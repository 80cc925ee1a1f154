package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which of PEFT's many features a configuration asks for, and whether they are known here. */
final class PeftFeatures {

  private static final Logger logger = LoggerFactory.getLogger(PeftFeatures.class);

  /** Keys that are read, or say nothing about what an adapter computes. */
  private static final Set<String> UNDERSTOOD =
      Set.of(
          "alpha_pattern",
          "auto_mapping",
          "base_model_name_or_path",
          "bias",
          "ensure_weight_tying",
          "eva_config",
          "exclude_modules",
          "fan_in_fan_out",
          "inference_mode",
          "init_lora_weights",
          "layers_pattern",
          "layers_to_transform",
          "lora_alpha",
          "lora_dropout",
          "megatron_core",
          "modules_to_save",
          "peft_type",
          "peft_version",
          "qalora_group_size",
          "r",
          "rank_pattern",
          "revision",
          "runtime_config",
          "target_modules",
          "task_type",
          "use_dora",
          "use_rslora");

  /** Keys that are refused unless null, false or empty: other computations, or another base. */
  private static final List<String> UNSUPPORTED =
      List.of(
          "alora_invocation_tokens",
          "arrow_config",
          "corda_config",
          "kasa_config",
          "layer_replication",
          "loftq_config",
          "lora_bias",
          "lora_ga_config",
          "megatron_config",
          "monteclora_config",
          "target_parameters",
          "trainable_token_indices",
          "use_bdlora",
          "use_qalora",
          "velora_config");

  /** Ways to begin that leave the base as it is; the others put a part of it into A and B. */
  private static final List<String> PLAIN_INITS =
      List.of("true", "false", "gaussian", "orthogonal", "eva", "mica");

  /** What GPT-2 calls its list of blocks. */
  private static final String BLOCKS = "h";

  private final JsonObject config;

  PeftFeatures(JsonObject config) {
    this.config = config;
  }

  /** Refuses other methods than LoRA. */
  void requireLora() throws UnsupportedFeatureException {
    if (!"LORA".equals(value("peft_type"))) {
      throw new UnsupportedFeatureException(
          "AD-02",
          config.file().toString(),
          "/peft_type",
          "\"LORA\" expected, got %s (other methods than LoRA are not supported)"
              .formatted(config.members().containsKey("peft_type") ? shown("peft_type") : "none"));
    }
  }

  /** Refuses what the file sets and is not supported, all of it in one message. */
  void refuseUnsupported() throws UnsupportedFeatureException {
    List<String> refused = new ArrayList<>();
    for (String key : UNSUPPORTED) {
      if (saysSomething(value(key))) {
        refused.add(key);
      }
    }
    if (!PLAIN_INITS.contains(initLoraWeights())) {
      refused.add("init_lora_weights");
    }
    if (saysSomething(value("layers_pattern")) && !namesBlocks(value("layers_pattern"))) {
      refused.add("layers_pattern");
    }
    if (value("task_type") != null && taskType() == null) {
      refused.add("task_type");
    }
    if (!refused.isEmpty()) {
      throw new UnsupportedFeatureException(
          "AD-11",
          config.file().toString(),
          refused.size() == 1 ? "/" + refused.get(0) : "",
          "plain LoRA for one of the tasks %s expected, got %s (not supported)"
              .formatted(
                  List.of(TaskType.values()),
                  String.join(", ", refused.stream().map(key -> key + " " + shown(key)).toList())));
    }
  }

  /**
   * Looks for keys that are not known here.
   *
   * @param strictness whether one that says something is refused
   * @return a sentence for each that says something
   */
  List<String> unknown(Strictness strictness) throws UnsupportedFeatureException {
    List<String> unknown = new ArrayList<>();
    for (String key : config.members().keySet()) {
      if (UNDERSTOOD.contains(key) || UNSUPPORTED.contains(key)) {
        continue;
      }
      if (saysSomething(value(key))) {
        unknown.add(Excerpt.of(key) + " " + shown(key));
      } else {
        logger.info(
            "{}: {} is not known here, and not set",
            Excerpt.of(config.file().toString()),
            Excerpt.of(key));
      }
    }
    if (strictness == Strictness.STRICT && !unknown.isEmpty()) {
      throw new UnsupportedFeatureException(
          "AD-13",
          config.file().toString(),
          "",
          "keys that are known here expected, got %s (from a newer PEFT? Read it less strictly, and"
                  .formatted(String.join(", ", unknown))
              + " compare results with it)");
    }
    return unknown.stream()
        .map(
            each ->
                "a key that is known here expected, got "
                    + each
                    + " (ignored; from a newer PEFT? Compare results with it)")
        .toList();
  }

  /** What the model answers with, or null if the file does not say, or names what is not known. */
  @Nullable TaskType taskType() {
    Object value = value("task_type");
    return Arrays.stream(TaskType.values())
        .filter(task -> task.name().equals(value))
        .findFirst()
        .orElse(null);
  }

  /** How A and B began, in lower case. */
  String initLoraWeights() {
    Object value = value("init_lora_weights");
    return value == null ? "true" : value.toString().toLowerCase(Locale.ROOT);
  }

  private static boolean namesBlocks(@Nullable Object layersPattern) {
    return BLOCKS.equals(layersPattern)
        || (layersPattern instanceof List<?> names && names.contains(BLOCKS));
  }

  private @Nullable Object value(String key) {
    return config.members().get(key);
  }

  private static boolean saysSomething(@Nullable Object value) {
    return value != null
        && !value.equals(false)
        && !value.equals("")
        && !(value instanceof List<?> list && list.isEmpty())
        && !(value instanceof Map<?, ?> map && map.isEmpty());
  }

  private String shown(String key) {
    Object value = value(key);
    String text = Excerpt.of(String.valueOf(value));
    return value instanceof String ? "\"" + text + "\"" : text;
  }
}
