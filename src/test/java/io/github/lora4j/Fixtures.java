package io.github.lora4j;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The folder of values computed by PyTorch, and a small reader of their JSON. */
public final class Fixtures {

  private Fixtures() {}

  /** The folder, from {@code -Dlora4j.fixtures} or the copy in the test resources. */
  public static Path folder() {
    return Path.of(System.getProperty("lora4j.fixtures", "src/test/resources/fixtures"));
  }

  /** A JSON file of the folder as maps, lists, strings, numbers (double), booleans and null. */
  public static Map<String, Object> json(String name) throws IOException {
    return asMap(value(folder().resolve(name)));
  }

  /** Any JSON file as maps, lists, strings, numbers (double), booleans and null. */
  public static Object value(Path file) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(Files.readAllBytes(file))) {
      parser.nextToken();
      return value(parser);
    }
  }

  @SuppressWarnings("unchecked")
  public static Map<String, Object> asMap(Object value) {
    return (Map<String, Object>) value;
  }

  /** A list of numbers as doubles. */
  public static double[] doubles(Object list) {
    return ((List<?>) list).stream().mapToDouble(each -> (double) each).toArray();
  }

  /** A list of numbers as ints. */
  public static int[] ints(Object list) {
    return ((List<?>) list).stream().mapToInt(each -> (int) (double) each).toArray();
  }

  private static Object value(JsonParser parser) throws IOException {
    switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, Object> map = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String key = parser.currentName();
          parser.nextToken();
          map.put(key, value(parser));
        }
        return map;
      }
      case START_ARRAY -> {
        List<Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        return list;
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
        return parser.getDoubleValue();
      }
      case VALUE_TRUE, VALUE_FALSE -> {
        return parser.getBooleanValue();
      }
      case VALUE_NULL -> {
        return null;
      }
      default -> {
        return parser.getText();
      }
    }
  }
}
