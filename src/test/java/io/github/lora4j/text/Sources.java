package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** Where the tests of this package find their files. */
final class Sources {

  /** A text and the token ids that the Python tokenizer gives. */
  record Encoded(String text, int[] ids) {}

  private Sources() {}

  static Path fixtures() {
    return Path.of(System.getProperty("lora4j.fixtures", "src/test/resources/fixtures"));
  }

  /** The folder of reference data, or an assumption that fails. */
  static Path data() {
    String folder = System.getProperty("lora4j.data");
    Assumptions.assumeTrue(folder != null, "needs -Dlora4j.data=<folder>");
    return Path.of(folder);
  }

  static Tokenizer tinyTokenizer() throws IOException {
    return Tokenizer.load(fixtures().resolve("gpt2-tiny"));
  }

  static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(UTF_8));
  }

  static List<Encoded> expectedTokenIds() throws IOException {
    List<Encoded> expected = new ArrayList<>();
    Path file = fixtures().resolve("gpt2-tiny/expected_token_ids.json");
    try (JsonParser parser = new JsonFactory().createParser(file.toFile())) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.START_OBJECT) {
        parser.nextToken();
        String text = parser.nextTextValue();
        parser.nextToken();
        parser.nextToken();
        List<Integer> ids = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          ids.add(parser.getIntValue());
        }
        parser.nextToken();
        expected.add(new Encoded(text, ids.stream().mapToInt(Integer::intValue).toArray()));
      }
    }
    return expected;
  }
}
