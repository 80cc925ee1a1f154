package io.github.lora4j.lora;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.ByteArrayOutputStream;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes the adapter's JSON files as trees of Map, List, String, Long, Float or Double,
 * Boolean and null. Written as Python's {@code json.dumps(indent=2)} does.
 */
final class Json {

  /**
   * The largest file that is read, in bytes; the files of GPT-2 XL take less than a hundredth of
   * it.
   */
  static final int MAX_BYTES = 16 << 20;

  private static final int MAX_DEPTH = 16;

  private static final JsonFactory FACTORY = factory().build();

  /** Python writes NaN and infinity as they are called, which is not JSON. */
  private static final JsonFactory OF_PYTHON =
      factory().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private Json() {}

  private static JsonFactoryBuilder factory() {
    return new JsonFactoryBuilder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(MAX_DEPTH)
                .maxNumberLength(64)
                .maxNameLength(4096)
                .maxStringLength(1 << 20)
                .build());
  }

  /** The object that a file holds. */
  static JsonObject read(Path file) throws IOException {
    return read(file, FACTORY, MAX_BYTES);
  }

  /**
   * The object that a file written by Python holds, in which NaN and infinity are numbers.
   *
   * @param file the file
   * @param maxBytes how large it may be
   */
  static JsonObject readOfPython(Path file, int maxBytes) throws IOException {
    return read(file, OF_PYTHON, maxBytes);
  }

  private static JsonObject read(Path file, JsonFactory factory, int maxBytes) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(maxBytes + 1);
    }
    if (bytes.length > maxBytes) {
      throw new LimitExceededException(
          "AD-01", file.toString(), "", "at most %d bytes expected, got more".formatted(maxBytes));
    }
    try (JsonParser parser = factory.createParser(bytes)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw fault(file, "", "a JSON object expected, got something else");
      }
      JsonObject object = new JsonObject(file, "", object(parser, file));
      if (parser.nextToken() != null) {
        throw fault(file, "", "the end of the file expected after the object, got more");
      }
      return object;
    } catch (JsonProcessingException e) {
      String place =
          e.getLocation() == null
              ? ""
              : "line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
      throw fault(file, place, "JSON expected, got " + Excerpt.of(e.getOriginalMessage()));
    } catch (CharConversionException e) {
      throw fault(file, "", "JSON in UTF-8 expected, got other bytes");
    }
  }

  private static Map<String, @Nullable Object> object(JsonParser parser, Path file)
      throws IOException {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      object.put(name, value(parser, file));
    }
    return object;
  }

  private static @Nullable Object value(JsonParser parser, Path file) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw fault(file, "", "a JSON value expected, got the end of the file");
    }
    switch (token) {
      case START_OBJECT:
        return object(parser, file);
      case START_ARRAY:
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser, file));
        }
        return list;
      case VALUE_STRING:
        return parser.getText();
      case VALUE_NUMBER_INT:
        // An integer beyond long becomes a double, which no reader of an integer accepts.
        return parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
            ? (Object) parser.getDoubleValue()
            : (Object) parser.getLongValue();
      case VALUE_NUMBER_FLOAT:
        return parser.getDoubleValue();
      case VALUE_TRUE:
        return true;
      case VALUE_FALSE:
        return false;
      default:
        return null;
    }
  }

  private static AdapterFormatException fault(Path file, String place, String problem) {
    return new AdapterFormatException("AD-01", file.toString(), place, problem);
  }

  /** The bytes of a file. */
  static byte[] write(Map<String, ? extends @Nullable Object> object) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter(
                Separators.createDefaultInstance()
                    .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                    .withObjectEmptySeparator("")
                    .withArrayEmptySeparator(""))
            .withObjectIndenter(indenter)
            .withArrayIndenter(indenter);
    try (JsonGenerator generator = FACTORY.createGenerator(bytes)) {
      generator.setPrettyPrinter(printer);
      write(generator, object);
      generator.writeRaw('\n');
    }
    return bytes.toByteArray();
  }

  private static void write(JsonGenerator generator, @Nullable Object value) throws IOException {
    if (value instanceof Map<?, ?> object) {
      generator.writeStartObject();
      for (Map.Entry<?, ?> entry : object.entrySet()) {
        generator.writeFieldName(String.valueOf(entry.getKey()));
        write(generator, entry.getValue());
      }
      generator.writeEndObject();
    } else if (value instanceof Collection<?> list) {
      generator.writeStartArray();
      for (Object element : list) {
        write(generator, element);
      }
      generator.writeEndArray();
    } else if (value instanceof String text) {
      generator.writeString(text);
    } else if (value instanceof Boolean truth) {
      generator.writeBoolean(truth);
    } else if (value instanceof Float number) {
      generator.writeNumber(number);
    } else if (value instanceof Integer number) {
      generator.writeNumber(number);
    } else if (value == null) {
      generator.writeNull();
    } else {
      throw new AssertionError(value.getClass());
    }
  }
}
