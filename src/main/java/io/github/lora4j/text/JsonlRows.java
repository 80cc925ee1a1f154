package io.github.lora4j.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Rows of a JSONL file: one JSON object a line; lines of blanks are no rows. */
final class JsonlRows implements Row.Source {

  private static final Logger LOG = LoggerFactory.getLogger(JsonlRows.class);
  private static final int MAX_DEPTH = 32;
  private static final int MAX_DIGITS = 100;

  private final LineReader lines;
  private final String name;
  private final DatasetOptions options;
  private final JsonFactory json;
  private boolean first = true;

  JsonlRows(LineReader lines, String name, DatasetOptions options) {
    this.lines = lines;
    this.name = name;
    this.options = options;
    this.json =
        JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(
                StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNumberLength(MAX_DIGITS)
                    .maxStringLength(options.limits().fieldLength())
                    .maxNameLength(options.limits().fieldLength())
                    .build())
            .build();
  }

  @Override
  public @Nullable Row next() throws IOException {
    do {
      if (!lines.next()) {
        return null;
      }
    } while (lines.text().isBlank());
    DatasetFormatException malformed = lines.malformed();
    Row row = malformed != null ? Row.bad(lines.number(), malformed) : parse();
    first = false;
    return row;
  }

  private Row parse() throws IOException {
    try (JsonParser parser = json.createParser(lines.text())) {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.START_ARRAY && first) {
        checkDepth(parser);
        throw new DatasetFormatException(
            "JL-03",
            name,
            "line " + lines.number(),
            "expected one JSON object a line, got an array; convert to one object per line");
      }
      if (token != JsonToken.START_OBJECT) {
        parser.skipChildren();
        return bad("JL-04", "", "expected a JSON object, got " + kind(token));
      }
      return object(parser);
    } catch (StreamConstraintsException e) {
      String problem = e.getOriginalMessage();
      String code =
          problem.contains("depth") || problem.contains("nesting")
              ? "JL-05"
              : problem.toLowerCase(Locale.ROOT).contains("number") ? "JL-07" : "JL-12";
      throw new LimitExceededException(code, name, "line " + lines.number(), Excerpt.of(problem));
    } catch (JsonProcessingException e) {
      boolean cut = e instanceof JsonEOFException && lines.terminator().isEmpty();
      if (cut && options.badRows() == DatasetOptions.BadRows.SKIP) {
        LOG.warn("{} looks truncated: line {} ends within its object", name, lines.number());
      }
      return bad(
          cut ? "JL-02" : "JL-01",
          ", column " + e.getLocation().getColumnNr(),
          "expected a valid JSON object, got: "
              + Excerpt.of(e.getOriginalMessage())
              + (cut ? " (the file looks truncated)" : ""));
    }
  }

  /** An array that spans lines is no less an array; only one that is too deep is something else. */
  private static void checkDepth(JsonParser parser) throws IOException {
    try {
      parser.skipChildren();
    } catch (JsonEOFException e) {
      // Continues on the next line, as a pretty-printed array does.
      return;
    }
  }

  private Row object(JsonParser parser) throws IOException {
    String label = null;
    String text = null;
    Row wrongType = null;
    Set<String> keys = new HashSet<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (!keys.add(key)) {
        throw new DatasetFormatException(
            "JL-06",
            name,
            "line " + lines.number(),
            "expected every key once, got \"" + Excerpt.of(key) + "\" twice");
      }
      JsonToken token = parser.nextToken();
      boolean isLabel = key.equals(options.labelColumn());
      boolean isText = key.equals(options.textColumn());
      boolean string = token == JsonToken.VALUE_STRING;
      if (isText && string) {
        text = parser.getText();
      }
      if (isLabel && (string || token == JsonToken.VALUE_NUMBER_INT)) {
        label = parser.getText();
      }
      if (isText && text == null) {
        wrongType = wrongType(key, "a string", token);
      } else if (isLabel && label == null) {
        wrongType = wrongType(key, "a string or an integer", token);
      }
      parser.skipChildren();
    }
    if (parser.nextToken() != null) {
      int column = parser.currentTokenLocation().getColumnNr();
      return bad("JL-01", ", column " + column, "expected one object a line, got more after it");
    }
    if (wrongType != null) {
      return wrongType;
    }
    if (label == null || text == null) {
      String missing = label == null ? options.labelColumn() : options.textColumn();
      return bad("JL-04", "", "expected the key \"" + Excerpt.of(missing) + "\", got none");
    }
    return new Row(lines.number(), label, text, null);
  }

  private Row wrongType(String key, String expected, @Nullable JsonToken token) {
    return bad(
        "JL-04",
        "",
        "expected \"" + Excerpt.of(key) + "\" to be " + expected + ", got " + kind(token));
  }

  private Row bad(String code, String place, String problem) {
    int line = lines.number();
    return Row.bad(line, new DatasetFormatException(code, name, "line " + line + place, problem));
  }

  private static String kind(@Nullable JsonToken token) {
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_NULL -> "null";
      default -> "true or false";
    };
  }
}
