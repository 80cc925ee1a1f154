package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads and writes {@code config.json} of a model folder in the Hugging Face layout. */
final class Gpt2ConfigFile {

  static final String NAME = "config.json";

  private static final Logger log = LoggerFactory.getLogger(Gpt2ConfigFile.class);

  private static final long MAX_BYTES = 1 << 20;
  private static final Set<String> ACTIVATIONS = Set.of("gelu_new", "gelu_pytorch_tanh");

  /** Settings that change the arithmetic, with the value that this library computes. */
  private static final Map<String, String> FIXED =
      Map.of(
          "scale_attn_weights", "true",
          "scale_attn_by_inverse_layer_idx", "false",
          "reorder_and_upcast_attn", "false",
          "add_cross_attention", "false",
          "tie_word_embeddings", "true",
          "model_type", "gpt2");

  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(32)
                  .maxNumberLength(100)
                  .maxStringLength(100_000)
                  .build())
          .build();

  private Gpt2ConfigFile() {}

  static Gpt2Config read(Path folder) throws IOException {
    Path file = folder.resolve(NAME);
    long size = Files.size(file);
    if (size > MAX_BYTES) {
      throw new LimitExceededException(
          "MX-14",
          file.toString(),
          "",
          "a configuration of at most %d bytes expected, got %d".formatted(MAX_BYTES, size));
    }
    Map<String, String> values = scalars(file);
    for (Map.Entry<String, String> fixed : FIXED.entrySet()) {
      String found = values.getOrDefault(fixed.getKey(), fixed.getValue());
      if (!found.equals(fixed.getValue())) {
        throw unsupported(file, fixed.getKey(), found, fixed.getValue());
      }
    }
    String activation = values.getOrDefault("activation_function", "gelu_new");
    if (!ACTIVATIONS.contains(activation)) {
      throw unsupported(file, "activation_function", activation, "gelu_new");
    }
    for (String key : new String[] {"auto_map", "trust_remote_code"}) {
      if (values.containsKey(key)) {
        log.info("{} names code in '{}'; it is ignored and nothing of it runs", file, key);
      }
    }
    int nEmbd = integer(file, values, "n_embd", 0);
    try {
      return new Gpt2Config(
          integer(file, values, "vocab_size", 0),
          integer(file, values, "n_positions", integer(file, values, "n_ctx", 1024)),
          nEmbd,
          integer(file, values, "n_layer", 0),
          integer(file, values, "n_head", 0),
          integer(file, values, "n_inner", Math.multiplyExact(4, Math.min(nEmbd, 1 << 20))),
          epsilon(file, values));
    } catch (IllegalArgumentException e) {
      String problem = String.valueOf(e.getMessage());
      String code = problem.contains("multiple") ? "MX-07" : "MX-06";
      throw new ModelConfigFormatException(code, file.toString(), "", problem);
    }
  }

  private static UnsupportedFeatureException unsupported(
      Path file, String key, String found, String computed) {
    return new UnsupportedFeatureException(
        "MX-11",
        file.toString(),
        "/" + key,
        "%s %s expected, the only one computed here, got %s"
            .formatted(key, computed, Excerpt.of(found)));
  }

  /** The top-level scalars as text; null and nested values are left out, except that their key counts. */
  private static Map<String, String> scalars(Path file) throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    try (JsonParser parser = JSON.createParser(Files.readAllBytes(file))) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new ModelConfigFormatException(
            "MX-14", file.toString(), "", "a JSON object expected, got " + parser.currentToken());
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        JsonToken token = parser.nextToken();
        if (token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY) {
          parser.skipChildren();
          if (key.equals("auto_map")) {
            values.put(key, "present");
          }
        } else if (token != JsonToken.VALUE_NULL) {
          values.put(key, parser.getText());
        }
      }
      if (parser.nextToken() != null) {
        throw new ModelConfigFormatException(
            "MX-14", file.toString(), "", "one JSON object expected, got text behind it");
      }
    } catch (JsonProcessingException e) {
      String place =
          e.getLocation() == null
              ? ""
              : "line %d, column %d"
                  .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
      throw new ModelConfigFormatException(
          "MX-14",
          file.toString(),
          place,
          "well-formed JSON without duplicate keys expected: "
              + Excerpt.of(e.getOriginalMessage()));
    }
    return values;
  }

  /** A whole number; {@code absent} is its default, or 0 if the key must be there. */
  private static int integer(Path file, Map<String, String> values, String key, int absent)
      throws ModelConfigFormatException {
    String text = values.get(key);
    if (text == null) {
      if (absent > 0) {
        return absent;
      }
      throw new ModelConfigFormatException(
          "MX-06", file.toString(), "/" + key, "a value for " + key + " expected, got none");
    }
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new ModelConfigFormatException(
          "MX-06",
          file.toString(),
          "/" + key,
          "a whole number below 2^31 expected for %s, got %s".formatted(key, Excerpt.of(text)));
    }
  }

  private static float epsilon(Path file, Map<String, String> values)
      throws ModelConfigFormatException {
    String text = values.getOrDefault("layer_norm_epsilon", "1e-05");
    try {
      return Float.parseFloat(text);
    } catch (NumberFormatException e) {
      throw new ModelConfigFormatException(
          "MX-06",
          file.toString(),
          "/layer_norm_epsilon",
          "a number expected for layer_norm_epsilon, got " + Excerpt.of(text));
    }
  }

  /** The configuration as JSON text, keys sorted, as transformers reads it. */
  static String toJson(Gpt2Config config) {
    StringWriter text = new StringWriter();
    DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.setPrettyPrinter(
          new DefaultPrettyPrinter().withObjectIndenter(indenter).withArrayIndenter(indenter));
      json.writeStartObject();
      json.writeStringField("activation_function", "gelu_new");
      json.writeArrayFieldStart("architectures");
      json.writeString("GPT2LMHeadModel");
      json.writeEndArray();
      json.writeNumberField("attn_pdrop", 0);
      json.writeNumberField("embd_pdrop", 0);
      json.writeFieldName("layer_norm_epsilon");
      json.writeRawValue(Float.toString(config.layerNormEpsilon()));
      json.writeStringField("model_type", "gpt2");
      json.writeNumberField("n_embd", config.nEmbd());
      json.writeNumberField("n_head", config.nHead());
      json.writeNumberField("n_inner", config.nInner());
      json.writeNumberField("n_layer", config.nLayer());
      json.writeNumberField("n_positions", config.contextLength());
      json.writeNumberField("resid_pdrop", 0);
      json.writeBooleanField("tie_word_embeddings", true);
      json.writeNumberField("vocab_size", config.vocabSize());
      json.writeEndObject();
    } catch (IOException e) {
      throw new AssertionError("writing to memory failed", e);
    }
    return text.append('\n').toString();
  }
}
