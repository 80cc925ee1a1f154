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
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A {@code config.json} as it stands, parsed strictly and within limits. */
final class ConfigJson {

  static final int MAX_BYTES = 1 << 20;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(32)
                  .maxNumberLength(100)
                  .maxNameLength(MAX_BYTES)
                  .build())
          .build();

  /**
   * A value of an object.
   *
   * @param token its first token
   * @param text its text, abridged to brackets for what is nested
   * @param members what it holds if it is an object, else empty
   */
  record Value(JsonToken token, String text, Map<String, Value> members) {}

  private final String path;
  private final Map<String, Value> values;

  private ConfigJson(String path) {
    this.path = path;
    this.values = new LinkedHashMap<>();
  }

  /**
   * Parses a file.
   *
   * @throws ModelConfigFormatException if it is not one JSON object
   * @throws LimitExceededException if it is longer or deeper than any configuration
   */
  static ConfigJson read(Path file) throws IOException {
    ConfigJson config = new ConfigJson(file.toString());
    config.parse(config.text(config.bytes(file)));
    return config;
  }

  /** The file, for messages. */
  String path() {
    return path;
  }

  /** All values of the file's object, in its order. */
  Map<String, Value> values() {
    return values;
  }

  /** A value, or null if there is none or it is null. */
  @Nullable Value get(String key) {
    Value value = values.get(key);
    return value == null || value.token() == JsonToken.VALUE_NULL ? null : value;
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
        if (parser.nextToken() != JsonToken.START_OBJECT) {
          throw malformed("", "config: a JSON object expected, got " + parser.currentToken());
        }
        parseMembers(parser, values);
        if (parser.nextToken() != null) {
          throw malformed("", "config: nothing after the JSON object expected");
        }
      } catch (StreamConstraintsException e) {
        throw caused(new LimitExceededException("MX-14", path, place(parser, e), problem(e)), e);
      } catch (JsonProcessingException e) {
        throw caused(malformed(place(parser, e), problem(e)), e);
      }
    }
  }

  /** Reads an object to its end; the parser limits how deep they nest. */
  private static void parseMembers(JsonParser parser, Map<String, Value> members)
      throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken token = parser.nextToken();
      Map<String, Value> nested = new LinkedHashMap<>();
      String text;
      if (token == JsonToken.START_OBJECT) {
        parseMembers(parser, nested);
        text = nested.isEmpty() ? "{}" : "{...}";
      } else {
        text = token == JsonToken.START_ARRAY ? abridged(parser) : parser.getText();
      }
      members.put(key, new Value(token, text, nested));
    }
  }

  /** Passes over an array: its brackets, with dots between them if it is not empty. */
  private static String abridged(JsonParser parser) throws IOException {
    boolean isEmpty = true;
    int depth = 1;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      isEmpty &= depth == 0;
    }
    return isEmpty ? "[]" : "[...]";
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
}
