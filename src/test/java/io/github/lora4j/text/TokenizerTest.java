package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class TokenizerTest {

  @Test
  @Tag("parity")
  void tokenIdsEqualThoseOfThePythonTokenizer() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    List<Sources.Encoded> expected = Sources.expectedTokenIds();
    assertTrue(expected.size() > 10);
    for (Sources.Encoded encoded : expected) {
      assertArrayEquals(encoded.ids(), tokenizer.encode(encoded.text()), encoded.text());
      assertEquals(encoded.text(), tokenizer.decode(encoded.ids()));
    }
  }

  @Test
  void endOfTextMayBeTheFirstTokenOrAbsent() throws IOException {
    assertEquals(OptionalInt.of(0), Sources.tinyTokenizer().endOfText());
    Tokenizer bytes = tokenizer(List.of(), List.of());
    assertEquals(OptionalInt.empty(), bytes.endOfText());
    assertEquals(256, bytes.vocabularySize());
    assertEquals("any ☃ text", bytes.decode(bytes.encode("any ☃ text")));
  }

  @Test
  void idsMayBeNumberedInAnyOrder() throws IOException {
    List<String> merges = List.of("a b", "ab c");
    Tokenizer ordered = tokenizer(List.of("ab", "abc", Tokenizer.END_OF_TEXT), merges);
    Tokenizer other = tokenizer(List.of(Tokenizer.END_OF_TEXT, "abc", "ab"), merges);
    assertArrayEquals(new int[] {257, 256}, ordered.encode("abcab"));
    assertArrayEquals(new int[] {257, 258}, other.encode("abcab"));
    assertEquals("abcab<|endoftext|>", other.decode(new int[] {257, 258, 256}));
    assertNotEquals(ordered.fingerprint(), other.fingerprint());
  }

  @Test
  void fingerprintDependsOnContentAndNotOnSpelling() throws IOException {
    Path folder = Sources.fixtures().resolve("gpt2-tiny");
    String merges = Files.readString(folder.resolve("merges.txt"));
    String respelled = merges.replace("#version: 0.2\n", "").replace("\n", "\r\n\r\n").strip();
    String vocabulary =
        Files.readString(folder.resolve("vocab.json")).replaceAll("([0-9]),", "$1 ,\n");
    Tokenizer other = Tokenizer.load(Sources.stream(vocabulary), Sources.stream(respelled), "x");
    assertEquals(Sources.tinyTokenizer().fingerprint(), other.fingerprint());
    assertEquals(64, other.fingerprint().length());
  }

  @Test
  void acceptedMergesEncodeAsPairByPairMergingDoes() throws IOException {
    Random random = new Random(5);
    int accepted = 0;
    int refused = 0;
    for (int round = 0; round < 2_000; round++) {
      List<String> merges = randomMerges(random);
      Tokenizer tokenizer;
      try {
        tokenizer = tokenizer(merges.stream().map(m -> m.replace(" ", "")).toList(), merges);
      } catch (UnsupportedFeatureException e) {
        refused++;
        continue;
      }
      accepted++;
      for (int i = 0; i < 20; i++) {
        String text = randomText(random, 1 + random.nextInt(14));
        String[] tokens =
            Stream.of(mergePairByPair(text, merges)).map(String::valueOf).toArray(String[]::new);
        int[] ids = tokenizer.encode(text);
        String[] actual = new String[ids.length];
        for (int k = 0; k < ids.length; k++) {
          actual[k] = tokenizer.decode(new int[] {ids[k]});
        }
        assertArrayEquals(tokens, actual, merges + " on " + text);
      }
    }
    assertTrue(accepted > 200 && refused > 200, accepted + " accepted, " + refused + " refused");
  }

  @Test
  void mergesThatTheTrainingCouldNotHaveMadeAreRefused() {
    List<String> merges = List.of("a b", "b c", "a bc");
    UnsupportedFeatureException e =
        assertThrows(
            UnsupportedFeatureException.class, () -> tokenizer(List.of("ab", "bc", "abc"), merges));
    assertTrue(e.getMessage().contains("line 4") && e.getMessage().contains("a bc"));
  }

  @Test
  @Tag("reference")
  void gpt2EncodesEveryMessageAsTiktokenDoes() throws IOException {
    Path data = Sources.data();
    Tokenizer tokenizer = Tokenizer.load(data.resolve("tokenizer-gpt2"));
    assertEquals(50_257, tokenizer.vocabularySize());
    assertEquals(OptionalInt.of(50_256), tokenizer.endOfText());
    List<Example> examples = TextDataset.tsv(data.resolve("sms/SMSSpamCollection.tsv")).examples();
    Path file = data.resolve("sms/gpt2-token-ids.txt.gz");
    int line = 0;
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file));
        BufferedReader reader = new BufferedReader(new InputStreamReader(in, UTF_8))) {
      for (String ids = reader.readLine(); ids != null; ids = reader.readLine()) {
        int[] expected = Stream.of(ids.split(" ")).mapToInt(Integer::parseInt).toArray();
        String text = examples.get(line++).text();
        assertArrayEquals(expected, tokenizer.encode(text), text);
        assertEquals(text, tokenizer.decode(expected));
      }
    }
    assertEquals(examples.size(), line);
  }

  @Test
  @Tag("reference")
  void gpt2EncodesThePublishedChecks() throws IOException {
    Path data = Sources.data();
    Tokenizer tokenizer = Tokenizer.load(data.resolve("tokenizer-gpt2"));
    DatasetOptions options = DatasetOptions.csv().withColumns("output", "input");
    int checks = 0;
    try (InputStream in = Files.newInputStream(data.resolve("checks/r50k_base_encodings.csv"))) {
      LineReader lines = new LineReader(in, "checks", 1 << 20, "CS-07");
      DelimitedRows rows = new DelimitedRows(lines, "checks", options);
      for (Row row = rows.next(); row != null; row = rows.next()) {
        int[] expected =
            Stream.of(row.label().replaceAll("[\\[\\] ]", "").split(","))
                .filter(id -> !id.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
        assertArrayEquals(expected, tokenizer.encode(row.text()), row.text());
        checks++;
      }
    }
    assertEquals(423, checks);
  }

  /** A tokenizer of the 256 bytes, in order, and further tokens. */
  static Tokenizer tokenizer(List<String> furtherTokens, List<String> merges) throws IOException {
    return Tokenizer.load(
        Sources.stream(vocabulary(furtherTokens)),
        Sources.stream("#version: 0.2\n" + String.join("\n", merges) + "\n"),
        "test");
  }

  static String vocabulary(List<String> furtherTokens) {
    List<String> entries = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      String symbol = ByteSymbols.symbol(b).replace("\\", "\\\\").replace("\"", "\\\"");
      entries.add("\"" + symbol + "\": " + b);
    }
    for (String token : furtherTokens) {
      entries.add("\"" + token + "\": " + entries.size());
    }
    return "{" + String.join(",", entries) + "}";
  }

  private static List<String> randomMerges(Random random) {
    List<String> tokens = new ArrayList<>(List.of("a", "b", "c"));
    List<String> merges = new ArrayList<>();
    int wanted = 2 + random.nextInt(5);
    while (merges.size() < wanted) {
      String left = tokens.get(random.nextInt(tokens.size()));
      String right = tokens.get(random.nextInt(tokens.size()));
      if (!tokens.contains(left + right)) {
        tokens.add(left + right);
        merges.add(left + " " + right);
      }
    }
    return merges;
  }

  private static String randomText(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append("abc".charAt(random.nextInt(3)));
    }
    return text.toString();
  }

  /**
   * GPT-2's definition: merge the leftmost pair of those that come first in the file, until there
   * is none.
   */
  private static String[] mergePairByPair(String text, List<String> merges) {
    Map<String, Integer> ranks = new HashMap<>();
    merges.forEach(merge -> ranks.put(merge, ranks.size()));
    List<String> parts = new ArrayList<>(List.of(text.split("")));
    while (true) {
      int best = -1;
      for (int i = 0; i + 1 < parts.size(); i++) {
        Integer rank = ranks.get(parts.get(i) + " " + parts.get(i + 1));
        if (rank != null
            && (best < 0 || rank < ranks.get(parts.get(best) + " " + parts.get(best + 1)))) {
          best = i;
        }
      }
      if (best < 0) {
        return parts.toArray(String[]::new);
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
  }
}
