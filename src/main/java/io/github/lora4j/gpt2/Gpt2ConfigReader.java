package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads {@code config.json} strictly: what it does not understand must not change the arithmetic.
 */
final class Gpt2ConfigReader {

  static final int MAX_BYTES = 1 << 20;

  private static final Logger log = LoggerFactory.getLogger(Gpt2ConfigReader.class);

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(32).maxNumberLength(100).build())
          .build();

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

  /**
   * A value of the top-level object: its first token, and its text, abridged for what is nested.
   */
  private record Value(JsonToken token, String text) {}

  private final String path;
  private final Map<String, Value> values = new LinkedHashMap<>();

  private Gpt2ConfigReader(String path) {
    this.path = path;
  }

  static Gpt2Config read(Path file) throws IOException {
    Gpt2ConfigReader reader = new Gpt2ConfigReader(file.toString());
    reader.parse(reader.text(reader.bytes(file)));
    return reader.config();
  }

  private byte[] bytes(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(
          path, null, "a model's config.json expected, no such file (is this a model folder?)");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new LimitExceededException(
            "MX-14",
            path,
            "",
            "config: at most %d bytes expected, got %d".formatted(MAX_BYTES, Files.size(file)));
      }
      return bytes;
    }
  }

  /** Decodes UTF-8 and nothing else: the parser by itself would guess other encodings. */
  private String text(byte[] bytes) throws ModelConfigFormatException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw caused(malformed("", "config: JSON in UTF-8 expected, got other bytes"), e);
    }
  }

  private void parse(String json) throws IOException {
    try (JsonParser parser = JSON.createParser(json)) {
      try {
        parseObject(parser);
      } catch (StreamConstraintsException e) {
        throw caused(new LimitExceededException("MX-14", path, place(parser, e), problem(e)), e);
      } catch (JsonProcessingException e) {
        throw caused(malformed(place(parser, e), problem(e)), e);
      }
    }
  }

  private void parseObject(JsonParser parser) throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw malformed("", "config: a JSON object expected, got " + parser.currentToken());
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken token = parser.nextToken();
      String text = token.isStructStart() ? abridged(parser) : parser.getText();
      values.put(key, new Value(token, text));
    }
    if (parser.nextToken() != null) {
      throw malformed("", "config: nothing after the JSON object expected");
    }
  }

  /** Passes over an object or array: its brackets, with dots between them if it is not empty. */
  private static String abridged(JsonParser parser) throws IOException {
    StringBuilder text = new StringBuilder(parser.getText());
    int depth = 1;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (depth > 0 && text.length() == 1) {
        text.append("...");
      }
    }
    return text.append(parser.getText()).toString();
  }

  private static String place(JsonParser parser, JsonProcessingException e) {
    JsonLocation location = e.getLocation();
    String pointer = parser.getParsingContext().pathAsPointer().toString();
    return location == null
        ? pointer
        : "%s line %d column %d"
            .formatted(pointer, location.getLineNr(), location.getColumnNr())
            .strip();
  }

  private static String problem(JsonProcessingException e) {
    return "config: well-formed JSON expected, got: " + Excerpt.of(e.getOriginalMessage());
  }

  private static <E extends IOException> E caused(E exception, Throwable cause) {
    exception.initCause(cause);
    return exception;
  }

  private ModelConfigFormatException malformed(String location, String problem) {
    return new ModelConfigFormatException("MX-14", path, location, problem);
  }

  private Gpt2Config config() throws IOException {
    requireSupported();
    for (String key : CODE_HOOKS) {
      if (values.containsKey(key)) {
        log.info("{}: {} is ignored, code beside a model is never run", path, key);
      }
    }
    int vocabSize = size("vocab_size", Gpt2Config.MAX_VOCAB_SIZE);
    int contextLength = size("n_positions", Gpt2Config.MAX_POSITIONS);
    int nEmbd = size("n_embd", Gpt2Config.MAX_EMBD);
    int nLayer = size("n_layer", Gpt2Config.MAX_LAYERS);
    int nHead = size("n_head", Gpt2Config.MAX_EMBD);
    int nInner = isAbsent("n_inner") ? 4 * nEmbd : size("n_inner", Gpt2Config.MAX_INNER);
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
      throw caused(
          new LimitExceededException("MX-06", path, "", String.valueOf(e.getMessage())), e);
    }
  }

  private void requireSupported() throws UnsupportedFeatureException {
    for (Map.Entry<String, Value> entry : values.entrySet()) {
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

  private boolean isAbsent(String key) {
    Value value = values.get(key);
    return value == null || value.token() == JsonToken.VALUE_NULL;
  }

  private int size(String key, int max) throws IOException {
    Value value = values.get(key);
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
    Value value = values.get(key);
    if (value == null || value.token() == JsonToken.VALUE_NULL) {
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
