package io.github.lora4j.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.MismatchException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code vocab.json}: one object, token to id, the ids 0, 1, ... without gap in any order.
 */
final class VocabularyFile {

  static final int MAX_BYTES = 64 << 20;
  private static final int MAX_TOKENS = 1_000_000;
  private static final int MAX_TOKEN_LENGTH = 1_000;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNameLength(MAX_BYTES)
                  .maxNestingDepth(8)
                  .maxNumberLength(100)
                  .build())
          .build();

  private final String name;
  private final Map<String, Integer> ids = new LinkedHashMap<>();

  private VocabularyFile(String name) {
    this.name = name;
  }

  /** The tokens, as symbols, in the order of their ids. */
  static String[] read(byte[] bytes, String name) throws IOException {
    VocabularyFile file = new VocabularyFile(name);
    file.parse(MergesFile.decode(bytes, name));
    return file.tokens();
  }

  private void parse(String json) throws IOException {
    try (JsonParser parser = JSON.createParser(json)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw fault(
            "TK-01", parser, "expected a JSON object of tokens and ids, got " + kind(first));
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String token = parser.currentName();
        parser.nextToken();
        add(token, parser);
      }
      if (parser.nextToken() != null) {
        throw fault("TK-01", parser, "expected nothing after the object, got more");
      }
    } catch (StreamConstraintsException e) {
      throw new LimitExceededException("TK-07", name, "", Excerpt.of(e.getOriginalMessage()));
    } catch (JsonProcessingException e) {
      throw new TokenizerFormatException(
          "TK-01",
          name,
          place(e.getLocation()),
          "expected valid JSON, got: " + Excerpt.of(e.getOriginalMessage()));
    }
  }

  private void add(String token, JsonParser parser) throws IOException {
    if (token.length() > MAX_TOKEN_LENGTH) {
      throw limit("tokens of at most " + MAX_TOKEN_LENGTH + " characters", token.length());
    }
    String literal = parser.getText();
    if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
        || literal.length() > 10
        || Long.parseLong(literal) < 0
        || Long.parseLong(literal) > Integer.MAX_VALUE) {
      throw fault(
          "TK-04",
          parser,
          quoted(token)
              + ": expected an id, an integer from 0 to 2147483647, got "
              + Excerpt.of(literal));
    }
    int id = Integer.parseInt(literal);
    Integer earlier = ids.putIfAbsent(token, id);
    if (earlier != null) {
      throw fault(
          "TK-02", parser, quoted(token) + ": expected one id, got " + earlier + " and " + id);
    }
    if (ids.size() > MAX_TOKENS) {
      throw limit("at most " + MAX_TOKENS + " tokens", ids.size());
    }
  }

  private String[] tokens() throws IOException {
    String[] tokens = new String[ids.size()];
    int tooLarge = -1;
    for (Map.Entry<String, Integer> entry : ids.entrySet()) {
      int id = entry.getValue();
      if (id >= tokens.length) {
        tooLarge = Math.max(tooLarge, id);
      } else if (tokens[id] != null) {
        throw new TokenizerFormatException(
            "TK-03",
            name,
            "id " + id,
            "expected one token for id "
                + id
                + ", got "
                + quoted(tokens[id])
                + " and "
                + quoted(entry.getKey()));
      } else {
        tokens[id] = entry.getKey();
      }
    }
    if (tooLarge >= 0) {
      int gap = 0;
      while (tokens[gap] != null) {
        gap++;
      }
      throw new MismatchException(
          "TK-05",
          name,
          "id " + gap,
          "expected the ids 0 to "
              + (tokens.length - 1)
              + " for "
              + tokens.length
              + " tokens, got no token for id "
              + gap
              + " and one for id "
              + tooLarge);
    }
    return tokens;
  }

  private LimitExceededException limit(String expected, int actual) {
    return new LimitExceededException(
        "TK-07", name, "", "expected " + expected + ", got " + actual);
  }

  private TokenizerFormatException fault(String code, JsonParser parser, String problem) {
    return new TokenizerFormatException(code, name, place(parser.currentLocation()), problem);
  }

  private static String place(JsonLocation location) {
    return "line " + location.getLineNr() + ", column " + location.getColumnNr();
  }

  private static String kind(@Nullable JsonToken token) {
    return token == null ? "nothing" : token == JsonToken.START_ARRAY ? "an array" : "a value";
  }

  private static String quoted(String token) {
    return '"' + Excerpt.of(token) + '"';
  }
}
