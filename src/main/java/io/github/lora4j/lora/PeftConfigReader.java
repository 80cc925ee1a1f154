package io.github.lora4j.lora;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads {@code adapter_config.json} of Hugging Face PEFT. What would change the arithmetic in a way
 * that is not known here is refused, never ignored. Missing keys have PEFT's defaults, but for
 * {@code r}: an adapter without is hardly one.
 *
 * <p>{@code fan_in_fan_out} is not looked at: PEFT keeps one for all layers, right or not, and the
 * kind of each layer decides.
 */
final class PeftConfigReader {

  /** The largest file that is read, in bytes; PEFT's take a few thousand. */
  static final int MAX_BYTES = 1 << 20;

  private static final Logger logger = LoggerFactory.getLogger(PeftConfigReader.class);

  /** What PEFT adapts in a GPT-2 if the file does not say. */
  private static final List<String> DEFAULT_TARGETS = List.of("c_attn");

  private static final String ALL_LINEAR = "all-linear";

  private final Path file;
  private final JsonObject config;
  private final PeftFeatures features;
  private final List<String> warnings = new ArrayList<>();

  private PeftConfigReader(Path file, JsonObject config) {
    this.file = file;
    this.config = config;
    this.features = new PeftFeatures(config);
  }

  /**
   * Reads a file; a key that is not known here and says something is a warning.
   *
   * @param file {@code adapter_config.json}
   * @throws IOException as {@link #read(Path, Strictness)}
   */
  static PeftConfig read(Path file) throws IOException {
    return read(file, Strictness.NORMAL);
  }

  /**
   * Reads a file.
   *
   * @param file {@code adapter_config.json}
   * @param strictness whether a key that is not known here and says something is refused
   * @throws AdapterFormatException if it is missing, no JSON object, or a value in it is impossible
   * @throws io.github.lora4j.error.LimitExceededException if it is larger than {@link #MAX_BYTES}
   *     or holds a regular expression that is too long
   * @throws UnsupportedFeatureException if it asks for what is not supported; names all of it
   * @throws IOException if it cannot be read
   */
  static PeftConfig read(Path file, Strictness strictness) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new AdapterFormatException(
          "AD-01", file.toString(), "", "the configuration of an adapter expected, no such file");
    }
    PeftConfigReader reader = new PeftConfigReader(file, Json.readOfPython(file, MAX_BYTES));
    reader.features.requireLora();
    reader.features.refuseUnsupported();
    reader.warnings.addAll(reader.features.unknown(strictness));
    PeftConfig read = reader.config();
    read.warnings().forEach(warning -> logger.warn("{}: {}", Excerpt.of(file.toString()), warning));
    return read;
  }

  private PeftConfig config() throws IOException {
    PeftModuleNames targets =
        value("target_modules") == null
            ? PeftModuleNames.named(DEFAULT_TARGETS)
            : moduleNames("target_modules");
    List<Integer> layers = layers();
    if (value("target_modules") instanceof String && !layers.isEmpty()) {
      throw config.fault(
          "AD-01", "layers_to_transform", "null beside a regular expression in target_modules");
    }
    float dropout = value("lora_dropout") == null ? 0 : config.number("lora_dropout", "AD-01");
    if (!(dropout >= 0 && dropout < 1)) {
      throw config.fault("AD-01", "lora_dropout", "a probability in [0, 1)");
    }
    return new PeftConfig(
        file,
        config.integer("r", 1, LoraConfig.MAX_RANK, "AD-03"),
        config.members().containsKey("lora_alpha") ? alpha(config, "lora_alpha") : 8,
        config.flag("use_rslora", false),
        config.flag("use_dora", false),
        dropout,
        bias(),
        targets,
        moduleNames("exclude_modules"),
        layers,
        ranks(),
        alphas(),
        value("modules_to_save") == null ? List.of() : config.texts("modules_to_save"),
        features.taskType(),
        config.textOrNull("base_model_name_or_path"),
        features.initLoraWeights(),
        warnings);
  }

  private PeftModuleNames moduleNames(String key) throws BadFileException {
    Object value = value(key);
    if (value == null) {
      return PeftModuleNames.named(List.of());
    }
    if (value instanceof String pattern) {
      return key.equals("target_modules") && pattern.equalsIgnoreCase(ALL_LINEAR)
          ? PeftModuleNames.allLinear()
          : PeftModuleNames.matching(pattern, PeftExpression.compile(pattern, file, "/" + key));
    }
    if (!(value instanceof List)) {
      throw config.fault("AD-01", key, "a list of names or a regular expression");
    }
    return PeftModuleNames.named(config.texts(key));
  }

  private List<Integer> layers() throws AdapterFormatException {
    Object value = value("layers_to_transform");
    List<Integer> layers = new ArrayList<>();
    for (Object layer :
        value == null ? List.of() : value instanceof List<?> list ? list : List.of(value)) {
      if (!(layer instanceof Long number) || number < 0 || number > Integer.MAX_VALUE) {
        throw config.fault(
            "AD-01", "layers_to_transform", "a number of a block, or a list of them,");
      }
      layers.add(number.intValue());
    }
    return layers;
  }

  private PeftPatterns<Integer> ranks() throws BadFileException {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    if (value("rank_pattern") != null) {
      JsonObject members = config.object("rank_pattern");
      for (String key : members.members().keySet()) {
        ranks.put(key, members.integer(key, 1, LoraConfig.MAX_RANK, "AD-03"));
      }
    }
    return new PeftPatterns<>(ranks, file, "/rank_pattern");
  }

  private PeftPatterns<Float> alphas() throws BadFileException {
    Map<String, Float> alphas = new LinkedHashMap<>();
    if (value("alpha_pattern") != null) {
      JsonObject members = config.object("alpha_pattern");
      for (String key : members.members().keySet()) {
        alphas.put(key, alpha(members, key));
      }
    }
    return new PeftPatterns<>(alphas, file, "/alpha_pattern");
  }

  private float alpha(JsonObject object, String key) throws AdapterFormatException {
    float alpha = object.number(key, "AD-14");
    if (alpha < 0) {
      throw object.fault("AD-14", key, "a number of at least 0");
    }
    if (alpha == 0) {
      warnings.add(
          "a number above 0 expected for %s, got 0 (such a branch does nothing)"
              .formatted(Excerpt.of(key)));
    }
    return alpha;
  }

  private BiasTraining bias() throws AdapterFormatException {
    Object value = value("bias");
    for (BiasTraining bias : BiasTraining.values()) {
      if (bias.name().toLowerCase(Locale.ROOT).equals(value)) {
        return bias;
      }
    }
    if (value == null) {
      return BiasTraining.NONE;
    }
    throw config.fault("AD-01", "bias", "\"none\", \"lora_only\" or \"all\"");
  }

  private @Nullable Object value(String key) {
    return config.members().get(key);
  }
}
