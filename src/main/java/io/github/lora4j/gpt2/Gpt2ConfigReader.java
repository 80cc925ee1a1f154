package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.gpt2.ConfigJson.Value;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads {@code config.json} strictly: what it does not understand must not change the arithmetic.
 */
final class Gpt2ConfigReader {

  private static final Logger log = LoggerFactory.getLogger(Gpt2ConfigReader.class);

  /** Values that keep GPT-2's arithmetic, as they stand in the file; null always does. */
  private static final Map<String, List<String>> SUPPORTED =
      Map.of(
          "model_type", List.of("gpt2"),
          "activation_function", List.of("gelu_new", "gelu_pytorch_tanh"),
          "scale_attn_weights", List.of("true"),
          "scale_attn_by_inverse_layer_idx", List.of("false"),
          "reorder_and_upcast_attn", List.of("false"),
          "add_cross_attention", List.of("false"),
          "tie_word_embeddings", List.of("true"),
          "pruned_heads", List.of("{}"),
          "quantization_config", List.of());

  /** Keys that ask for code from the same place as the file. It is never run. */
  private static final List<String> CODE_HOOKS = List.of("auto_map", "trust_remote_code");

  private final String path;
  private final ConfigJson file;

  private Gpt2ConfigReader(ConfigJson file) {
    this.path = file.path();
    this.file = file;
  }

  static Gpt2Config read(Path file) throws IOException {
    return new Gpt2ConfigReader(ConfigJson.read(file)).config();
  }

  private Gpt2Config config() throws IOException {
    requireSupported();
    for (String key : CODE_HOOKS) {
      if (file.values().containsKey(key)) {
        log.info("{}: {} is ignored, code beside a model is never run", path, key);
      }
    }
    int vocabSize = size("vocab_size", Gpt2Config.MAX_VOCAB_SIZE);
    int contextLength = size("n_positions", Gpt2Config.MAX_POSITIONS);
    int nEmbd = size("n_embd", Gpt2Config.MAX_EMBD);
    int nLayer = size("n_layer", Gpt2Config.MAX_LAYERS);
    int nHead = size("n_head", Gpt2Config.MAX_EMBD);
    int nInner = file.get("n_inner") == null ? 4 * nEmbd : size("n_inner", Gpt2Config.MAX_INNER);
    if (nEmbd % nHead != 0) {
      throw new ModelConfigFormatException(
          "MX-07",
          path,
          "/n_head",
          "config: n_embd divisible by n_head expected, got n_embd %d and n_head %d"
              .formatted(nEmbd, nHead));
    }
    float epsilon = epsilon();
    try {
      return new Gpt2Config(vocabSize, contextLength, nEmbd, nLayer, nHead, nInner, epsilon);
    } catch (IllegalArgumentException e) {
      LimitExceededException beyond =
          new LimitExceededException("MX-06", path, "", String.valueOf(e.getMessage()));
      beyond.initCause(e);
      throw beyond;
    }
  }

  private void requireSupported() throws UnsupportedFeatureException {
    for (Map.Entry<String, Value> entry : file.values().entrySet()) {
      List<String> supported = SUPPORTED.get(entry.getKey());
      Value value = entry.getValue();
      if (supported != null
          && value.token() != JsonToken.VALUE_NULL
          && !supported.contains(value.text())) {
        throw new UnsupportedFeatureException(
            "MX-11",
            path,
            "/" + entry.getKey(),
            "config: %s %s expected, got %s (another computation than GPT-2's)"
                .formatted(
                    entry.getKey(),
                    supported.isEmpty() ? "null" : String.join(" or ", supported),
                    Excerpt.of(value.text())));
      }
    }
  }

  private int size(String key, int max) throws IOException {
    Value value = file.values().get(key);
    Long number = value == null ? null : integer(value);
    if (value == null || number == null || number < 1) {
      throw impossible(key, "a whole number from 1 to " + max, value);
    }
    if (number > max) {
      throw new LimitExceededException(
          "MX-06",
          path,
          "/" + key,
          "config: %s from 1 to %d expected, got %d".formatted(key, max, number));
    }
    return number.intValue();
  }

  /**
   * The value as a long, the largest or smallest long if it is beyond, null if it is no integer.
   */
  private static @Nullable Long integer(Value value) {
    if (value.token() != JsonToken.VALUE_NUMBER_INT) {
      return null;
    }
    String text = value.text();
    if (text.length() > 18) {
      return text.startsWith("-") ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
    return Long.parseLong(text);
  }

  private float epsilon() throws ModelConfigFormatException {
    String key = "layer_norm_epsilon";
    Value value = file.get(key);
    if (value == null) {
      return Gpt2Config.PUBLISHED_EPSILON;
    }
    float epsilon = value.token().isNumeric() ? Float.parseFloat(value.text()) : Float.NaN;
    if (!(epsilon > 0 && epsilon < 1)) {
      throw impossible(key, "a number above 0 and below 1", value);
    }
    return epsilon;
  }

  private ModelConfigFormatException impossible(
      String key, String expected, @Nullable Value value) {
    return new ModelConfigFormatException(
        "MX-06",
        path,
        "/" + key,
        "config: %s to be %s expected, got %s"
            .formatted(key, expected, value == null ? "nothing" : Excerpt.of(value.text())));
  }
}
