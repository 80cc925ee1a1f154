package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An object in a JSON file whose members are asked for by name and type; a member that is missing
 * or of another type is a fault of the file.
 *
 * @param file the file, for messages
 * @param pointer the JSON pointer of the object, empty for the root
 * @param members its members
 */
record JsonObject(Path file, String pointer, Map<String, @Nullable Object> members) {

  String text(String key) throws AdapterFormatException {
    return expect(key, "a string", String.class);
  }

  @Nullable String textOrNull(String key) throws AdapterFormatException {
    return members.get(key) == null ? null : text(key);
  }

  int integer(String key, int min, int max, String code) throws AdapterFormatException {
    Object value = members.get(key);
    if (value instanceof Long number && number >= min && number <= max) {
      return number.intValue();
    }
    throw fault(code, key, "an integer in [%d, %d]".formatted(min, max));
  }

  float number(String key, String code) throws AdapterFormatException {
    Object value = members.get(key);
    if (value instanceof Number number && Float.isFinite(number.floatValue())) {
      return number.floatValue();
    }
    throw fault(code, key, "a finite number");
  }

  boolean flag(String key, boolean absent) throws AdapterFormatException {
    return members.get(key) == null ? absent : expect(key, "true or false", Boolean.class);
  }

  List<String> texts(String key) throws AdapterFormatException {
    List<String> texts = new ArrayList<>();
    for (Object element : expect(key, "a list of strings", List.class)) {
      if (!(element instanceof String text)) {
        throw fault("AD-01", key, "a list of strings");
      }
      texts.add(text);
    }
    return texts;
  }

  /** The object's own members, each a string. */
  Map<String, String> texts() throws AdapterFormatException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String key : members.keySet()) {
      texts.put(key, text(key));
    }
    return texts;
  }

  @SuppressWarnings("unchecked")
  JsonObject object(String key) throws AdapterFormatException {
    Map<String, @Nullable Object> object = expect(key, "an object", Map.class);
    return new JsonObject(file, pointerTo(key), object);
  }

  private <T> T expect(String key, String expected, Class<T> type) throws AdapterFormatException {
    Object value = members.get(key);
    if (!type.isInstance(value)) {
      throw fault("AD-01", key, expected);
    }
    return type.cast(value);
  }

  AdapterFormatException fault(String code, String key, String expected) {
    Object value = members.get(key);
    String got =
        !members.containsKey(key)
            ? "none"
            : value instanceof Map
                ? "an object"
                : value instanceof List
                    ? "a list"
                    : value instanceof String text
                        ? "\"" + Excerpt.of(text) + "\""
                        : String.valueOf(value);
    return new AdapterFormatException(
        code, file.toString(), pointerTo(key), expected + " expected, got " + got);
  }

  private String pointerTo(String key) {
    return pointer + "/" + key.replace("~", "~0").replace("/", "~1");
  }
}
