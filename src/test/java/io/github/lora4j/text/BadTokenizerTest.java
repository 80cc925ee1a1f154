package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.MismatchException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The rows TK-01 to TK-25: tokenizer files that are refused, and texts that are hard to encode. */
class BadTokenizerTest {

  private static final String GOOD = TokenizerTest.vocabulary(List.of("ab", "abc"));
  private static final String MERGES = "#version: 0.2\na b\nab c\n";

  static Stream<Arguments> badFiles() {
    Class<?> bad = TokenizerFormatException.class;
    Class<?> limit = LimitExceededException.class;
    String noExclamation = GOOD.replace("\"!\": 33", "\"no\": 33");
    return Stream.of(
        row("TK-01", bad, "[]", MERGES, "an array"),
        row("TK-01", bad, "", MERGES, "nothing"),
        row("TK-01", bad, GOOD.substring(0, 700), MERGES, "line 1, column"),
        row("TK-01", bad, GOOD + "x", MERGES, "line 1"),
        row("TK-01", bad, "{\"a\":1,}", MERGES, "line 1"),
        row("TK-02", bad, "{\"a\":1,\"a\":2}", MERGES, "\"a\": expected one id, got 1 and 2"),
        row("TK-03", bad, "{\"a\":1,\"b\":1}", MERGES, "\"a\" and \"b\""),
        row("TK-04", bad, "{\"a\":-1}", MERGES, "got -1"),
        row("TK-04", bad, "{\"a\":1.5}", MERGES, "got 1.5"),
        row("TK-04", bad, "{\"a\":\"3\"}", MERGES, "got 3"),
        row("TK-04", bad, "{\"a\":null}", MERGES, "got null"),
        row("TK-04", bad, "{\"a\":[]}", MERGES, "got ["),
        row("TK-04", bad, "{\"a\":2147483648}", MERGES, "got 2147483648"),
        row("TK-04", bad, "{\"a\":99999999999999999999}", MERGES, "got 99999999999999999999"),
        row("TK-05", MismatchException.class, "{\"a\":0,\"b\":2}", MERGES, "no token for id 1"),
        row("TK-06", bad, noExclamation, MERGES, "0x21 (!)"),
        row("TK-07", limit, "{\"" + "a".repeat(1_001) + "\":0}", MERGES, "1000 characters"),
        row("TK-07", limit, manyTokens(1_000_001), MERGES, "1000000 tokens"),
        row("TK-08", bad, GOOD, "#version: 0.2\nab\n", "line 2"),
        row("TK-08", bad, GOOD, "a b\na b c\n", "\"a b c\""),
        row("TK-08", bad, GOOD, "a b\n b\n", "line 2"),
        row("TK-09", bad, GOOD, "a b\nb c\n", "vocabulary, got none for \"bc\""),
        row("TK-09", bad, GOOD, "ab c\na b\n", "line 1"),
        row("TK-10", bad, GOOD, "a b\nab c\na b\n", "line 1 for \"ab\" [line 3"),
        row("TK-12", limit, GOOD, "a".repeat(1 << 21), "at most 1048576 characters"));
  }

  private static Arguments row(
      String code, Class<?> type, String vocabulary, String merges, String names) {
    return Arguments.of(code, type, vocabulary, merges, names);
  }

  private static String manyTokens(int tokens) {
    return IntStream.range(0, tokens)
        .mapToObj(i -> "\"" + i + "\":" + i)
        .collect(Collectors.joining(",", "{", "}"));
  }

  @ParameterizedTest(name = "{0} {4}")
  @MethodSource("badFiles")
  void aBadFileIsRefused(
      String code, Class<?> type, String vocabulary, String merges, String names) {
    assertRefused(
        code, type, names, () -> load(vocabulary.getBytes(UTF_8), merges.getBytes(UTF_8)));
  }

  @Test
  void tk12AHugeFileIsRefusedUnread(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("vocab.json"), GOOD);
    try (RandomAccessFile sparse =
        new RandomAccessFile(folder.resolve("merges.txt").toFile(), "rw")) {
      sparse.setLength(1L << 30);
    }
    assertRefused(
        "TK-12", LimitExceededException.class, "1073741824", () -> Tokenizer.load(folder));
  }

  @Test
  void tk13OtherEncodingsAreRefused() {
    byte[] latin1 = GOOD.replace("\"abc\"", "\"\u00e9\"").getBytes(ISO_8859_1);
    Class<?> bad = TokenizerFormatException.class;
    assertRefused("TK-13", bad, "byte ", () -> load(latin1, MERGES.getBytes(UTF_8)));
    assertRefused(
        "TK-13", bad, "UTF-16", () -> load(GOOD.getBytes(UTF_8), MERGES.getBytes(UTF_16)));
  }

  @ParameterizedTest(name = "TK-11 variant {index}")
  @MethodSource("goodMerges")
  void tk11SpellingsOfMergesAreEqual(String merges) throws IOException {
    Tokenizer tokenizer = load(GOOD.getBytes(UTF_8), merges.getBytes(UTF_8));
    assertArrayEquals(new int[] {257, 256}, tokenizer.encode("abcab"));
  }

  static Stream<String> goodMerges() {
    return Stream.of(
        MERGES,
        "a b\nab c\n",
        "#version: 0.2\r\na b\r\nab c\r\n",
        "#version: 0.2\na b\nab c",
        "\na b\n\nab c\n\n",
        "\uFEFF#version: 0.2\na b\nab c\n");
  }

  @Test
  void tk14ANumberSignIsATokenLikeAnyOther() throws IOException {
    Tokenizer tokenizer = TokenizerTest.tokenizer(List.of("##", "#version:"), List.of("# #"));
    assertArrayEquals(new int[] {256, '#'}, tokenizer.encode("###"));
  }

  @Test
  void aMissingFileOrAFolderIsAnOrdinaryFault(@TempDir Path folder) throws IOException {
    assertThrows(NoSuchFileException.class, () -> Tokenizer.load(folder));
    Files.createDirectory(folder.resolve("vocab.json"));
    FileSystemException e = assertThrows(FileSystemException.class, () -> Tokenizer.load(folder));
    assertTrue(e.getMessage().contains("got a folder"), e.getMessage());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("longTexts")
  void tk15To18LongPiecesAreEncodedFast(String name, String text) throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    // One to two seconds on a free machine; merging that is quadratic takes a quarter of an hour.
    int[] ids = assertTimeout(Duration.ofSeconds(30), () -> tokenizer.encode(text));
    assertEquals(text, tokenizer.decode(ids));
  }

  static Stream<Arguments> longTexts() {
    int n = 1_000_000;
    Random random = new Random(1);
    StringBuilder letters = new StringBuilder();
    for (int i = 0; i < n; i++) {
      letters.append((char) ('a' + random.nextInt(26)));
    }
    return Stream.of(
        Arguments.of("TK-15 a", "a".repeat(n)),
        Arguments.of("TK-16 space", " ".repeat(n)),
        Arguments.of("TK-16 ^", "^".repeat(n)),
        Arguments.of("TK-16 _", "_".repeat(n)),
        Arguments.of("TK-16 newline", "\n".repeat(n)),
        Arguments.of("TK-17 letters", letters.toString()),
        Arguments.of("TK-18 emoji", "\uD83D\uDE00".repeat(n / 4)),
        Arguments.of("TK-18 CJK", "\u65E5".repeat(n / 2)),
        Arguments.of("TK-18 combining", "\u0301".repeat(n / 2)));
  }

  @Test
  void tk19ATextOverTheLimitIsRefused() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    String text = " ".repeat(Tokenizer.MAX_TEXT_LENGTH + 1);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> tokenizer.encode(text));
    assertTrue(e.getMessage().contains("16777217"), e.getMessage());
  }

  @Test
  void tk20TheNameOfASpecialTokenIsOrdinaryText() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    int[] ids = tokenizer.encode("a" + Tokenizer.END_OF_TEXT + "b");
    assertTrue(IntStream.of(ids).noneMatch(id -> id == tokenizer.endOfText().getAsInt()));
    assertEquals("a<|endoftext|>b", tokenizer.decode(ids));
  }

  @Test
  void tk21UnicodeBlanksAreBlanks() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    // The ids are those of the tokenizers library for Python.
    assertIds(tokenizer, "a\u00a0!b the", 65, 127, 255, 1, 66, 265);
    assertIds(tokenizer, "a\u2003!b  the", 65, 159, 223, 226, 1, 66, 221, 265);
    assertIds(tokenizer, "x\u3000\u3000the", 88, 160, 223, 223, 160, 223, 223, 84, 258);
    assertIds(tokenizer, "a\u0085!b", 65, 127, 228, 1, 66);
    assertIds(tokenizer, "a\u200b!the", 65, 159, 223, 234, 1, 84, 258);
    assertIds(tokenizer, "a \u001c\u001d the\u001f", 65, 221, 217, 218, 265, 220);
    assertIds(
        tokenizer, "a\u180ethe \u2028 the", 65, 158, 255, 237, 84, 258, 221, 159, 223, 102, 265);
  }

  private static void assertIds(Tokenizer tokenizer, String text, int... ids) {
    assertArrayEquals(ids, tokenizer.encode(text));
  }

  @Test
  void tk22ALoneSurrogateBecomesTheReplacementCharacter() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    assertEquals("\uFFFD", tokenizer.decode(tokenizer.encode("\ud83d")));
    assertEquals("\uFFFDb", tokenizer.decode(tokenizer.encode("\ude00b")));
    assertEquals("a\uFFFD", tokenizer.decode(tokenizer.encode("a\ud83d")));
    assertEquals("\uFFFD\uFFFD", tokenizer.decode(tokenizer.encode("\ude00\ud83d")));
    assertEquals("\ud83d\ude00", tokenizer.decode(tokenizer.encode("\ud83d\ude00")));
  }

  @Test
  void tk23ControlCharactersAndTheEmptyTextSurvive() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    String controls =
        IntStream.concat(IntStream.range(0, 32), IntStream.of(127))
            .mapToObj(Character::toString)
            .collect(Collectors.joining());
    assertEquals(controls, tokenizer.decode(tokenizer.encode(controls)));
    assertEquals(0, tokenizer.encode("").length);
    assertEquals("", tokenizer.decode(new int[0]));
  }

  @Test
  void tk24IdsOutOfRangeAreRefused() throws IOException {
    Tokenizer tokenizer = Sources.tinyTokenizer();
    int size = tokenizer.vocabularySize();
    for (int id : new int[] {-1, size, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> tokenizer.decode(new int[] {1, 2, id}));
      String message = e.getMessage();
      assertTrue(message.contains("got " + id + " at index 2"), message);
      assertTrue(message.contains("vocabulary size " + size), message);
    }
  }

  @Test
  void tk25BytesThatAreNoTextDecodeAsInPython() throws IOException {
    Tokenizer bytes = TokenizerTest.tokenizer(List.of(), List.of());
    // bytes([...]).decode(errors="replace") of each row
    int[][] rows = {
      {0xE2, 0x98, 'a'},
      {0xE2, 0x98},
      {0x80, 0xFF, 'b'},
      {0xF0, 0x9F, 0x98, 0xE2, 0x98, 0x83},
      {0xED, 0xA0, 0x80},
      {0xC0, 0xAF},
      {0xF4, 0x90, 0x80, 0x80},
      {0xE0, 0x80, 0x80}
    };
    String[] expected = {
      "\uFFFDa",
      "\uFFFD",
      "\uFFFD\uFFFDb",
      "\uFFFD\u2603",
      "\uFFFD\uFFFD\uFFFD",
      "\uFFFD\uFFFD",
      "\uFFFD\uFFFD\uFFFD\uFFFD",
      "\uFFFD\uFFFD\uFFFD"
    };
    for (int i = 0; i < rows.length; i++) {
      assertEquals(expected[i], bytes.decode(rows[i]), "row " + i);
    }
  }

  private static Tokenizer load(byte[] vocabulary, byte[] merges) throws IOException {
    InputStream first = new ByteArrayInputStream(vocabulary);
    return Tokenizer.load(first, new ByteArrayInputStream(merges), "model");
  }

  private static void assertRefused(String code, Class<?> type, String names, Executable load) {
    BadFileException e = assertThrows(BadFileException.class, load);
    assertInstanceOf(type, e, e.getMessage());
    assertEquals(code, e.code(), e.getMessage());
    assertTrue(e.getMessage().contains(names), e.getMessage());
  }
}
