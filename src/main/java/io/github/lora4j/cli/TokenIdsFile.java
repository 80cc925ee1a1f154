package io.github.lora4j.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads a JSON list of lists of token ids, such as {@code [[15496, 995], [11]]}. */
final class TokenIdsFile {

  private final Path file;
  private final JsonParser parser;

  private TokenIdsFile(Path file, JsonParser parser) {
    this.file = file;
    this.parser = parser;
  }

  /** The lists, at least one, none of them empty. */
  static List<int[]> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(
          file.toString(),
          null,
          "a file of token ids expected, got " + (Files.exists(file) ? "none" : "no such file"));
    }
    try (JsonParser parser = new JsonFactory().createParser(Files.newInputStream(file))) {
      return new TokenIdsFile(file, parser).lists();
    }
  }

  private List<int[]> lists() throws IOException {
    List<int[]> lists = new ArrayList<>();
    try {
      require(parser.nextToken() == JsonToken.START_ARRAY);
      while (parser.nextToken() == JsonToken.START_ARRAY) {
        List<Integer> ids = new ArrayList<>();
        while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
          ids.add(parser.getIntValue());
        }
        require(parser.currentToken() == JsonToken.END_ARRAY && !ids.isEmpty());
        lists.add(ids.stream().mapToInt(Integer::intValue).toArray());
      }
      require(parser.currentToken() == JsonToken.END_ARRAY && !lists.isEmpty());
      require(parser.nextToken() == null);
    } catch (JsonProcessingException e) {
      // The parser's own words hold more of its settings than of the file.
      require(false);
    }
    return lists;
  }

  private void require(boolean expected) throws FormatException {
    if (!expected) {
      throw new FormatException(
          "CL-21",
          file.toString(),
          "line %d, column %d"
              .formatted(
                  parser.currentLocation().getLineNr(), parser.currentLocation().getColumnNr()),
          "a JSON list of lists of token ids and nothing else expected, none of them empty");
    }
  }
}
