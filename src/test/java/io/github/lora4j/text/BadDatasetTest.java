package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.text.DatasetOptions.BadRows;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The rows CS-01 to CS-23 and JL-01 to JL-12: data files that are refused, and rows that are
 * skipped.
 */
class BadDatasetTest {

  private static final DatasetOptions CSV = DatasetOptions.csv();
  private static final DatasetOptions TSV = DatasetOptions.tsv();
  private static final DatasetOptions JSONL = DatasetOptions.jsonl();
  private static final String GOOD_CSV = "label,text\nham,a\nspam,b\n";
  private static final String GOOD_JSONL =
      "{\"label\":\"ham\",\"text\":\"a\"}\n{\"label\":\"spam\",\"text\":\"b\"}\n";

  /** Files that are refused whatever is said about bad rows. */
  static Stream<Arguments> badFiles() {
    Class<?> bad = DatasetFormatException.class;
    Class<?> limit = LimitExceededException.class;
    Class<?> unsupported = UnsupportedFeatureException.class;
    String deep = "[".repeat(100_000);
    String longField = ",\"" + ("a".repeat(1_000) + "\n").repeat(1_000) + '"';
    return Stream.of(
        row("CS-01", bad, CSV, "", "0 rows"),
        row("CS-01", bad, CSV, "label,text\n", "0 rows"),
        row("CS-01", bad, TSV, "\n\n", "0 rows"),
        row("CS-02", bad, CSV, "kind,message\nham,a\n", "2 columns: kind,message"),
        row("CS-02", bad, CSV, "label;text\nham;a\n", "wrong delimiter?"),
        row("CS-02", bad, TSV, "ham,a\nspam,b\n", "wrong delimiter?"),
        row("CS-02", bad, CSV.withColumns("0", "2"), GOOD_CSV, "expected a column 2"),
        row("CS-02", bad, TSV.withColumns("kind", "1"), "ham\ta\n", "no header"),
        row("CS-03", bad, CSV, "text,label,text\na,ham,b\n", "columns 0 and 2"),
        row("CS-05", bad, CSV, GOOD_CSV + "ham,\"a\n" + "spam,b\n".repeat(300_000), "line 4"),
        row("CS-05", bad, CSV, GOOD_CSV + "ham,\"a\nham,b\n", "line 4"),
        row("CS-07", limit, CSV, GOOD_CSV + "ham," + "a".repeat(5 << 20), "4194304 bytes"),
        row("CS-07", limit, CSV, GOOD_CSV + "ham," + "a".repeat(2 << 20), "1048576 characters"),
        row("CS-07", limit, CSV, "label,text\nham" + longField.repeat(5), "4194304 characters"),
        row("CS-08", limit, CSV, ",".repeat(100_000), "1000 columns"),
        row("CS-09", bad, CSV, GOOD_CSV + "ham,a\0b\n", "line 4, byte 29"),
        row("CS-10", bad, CSV, "\u00ff\u00fel\0a\0", "UTF-16"),
        row("CS-10", bad, TSV, "\u00fe\u00ff\0h\0a", "UTF-16"),
        row("CS-14", bad, CSV, GOOD_CSV + "ham,\nham,  \n", "2 of 4"),
        row("CS-18", unsupported, CSV, "\u001f\u008b\b\0\0", "unpack first"),
        row("CS-18", unsupported, JSONL, "PK\3\4\0\0", "unpack first"),
        row("JL-03", bad, JSONL, "[{\"label\":\"ham\",\"text\":\"a\"}]", "one object per line"),
        row("JL-03", bad, JSONL, "[\n{\"label\":\"ham\",\"text\":\"a\"}\n]\n", "an array"),
        row("JL-05", limit, JSONL, deep, "line 1"),
        row("JL-05", limit, JSONL, GOOD_JSONL + deep, "line 3"),
        row("JL-05", limit, JSONL, GOOD_JSONL + "{\"x\":" + deep, "line 3"),
        row("JL-06", bad, JSONL, "{\"text\":\"a\",\"text\":\"b\"}", "\"text\" twice"),
        row("JL-07", limit, JSONL, GOOD_JSONL + "{\"x\":" + "1".repeat(1_000_000), "line 3"),
        row("JL-07", limit, JSONL, GOOD_JSONL + "{\"x\":1." + "1".repeat(101) + "}", "line 3"),
        row("JL-12", limit, JSONL, GOOD_JSONL + " ".repeat(5 << 20), "4194304 bytes"),
        row("JL-12", limit, JSONL, "{\"text\":\"" + "a".repeat(2 << 20) + "\"}", "line 1"));
  }

  /**
   * Rows that refuse the file, or are skipped on request; each stands in line 12 of a good file.
   */
  static Stream<Arguments> badRows() {
    DatasetOptions two = TSV.withLabels(List.of("ham", "spam"));
    return Stream.of(
        bad("CS-04", CSV, "ham", "line 12", "expected 2 fields, got 1"),
        bad("CS-04", CSV, "ham,a,b", "line 12", "expected 2 fields, got 3"),
        bad("CS-04", TSV, "ham\ta\tb", "line 12", "expected 2 fields, got 3"),
        bad("CS-06", CSV, "ham,ab\"c", "line 12, column 7", "stray"),
        bad("CS-06", CSV, "ham,\"ab\"c", "line 12, column 9", "stray"),
        bad("CS-12", TSV, "ham\tcaf\u00e9", "line 12, byte 123", "0xe9"),
        bad("CS-12", JSONL, "{\"label\":\"ham\",\"text\":\"\u00e9\"}", "line 12", "0xe9"),
        bad("CS-15", TSV, "\ta", "line 12", "got label \"\""),
        bad("CS-15", two, "NaN\ta", "line 12", "one of [ham, spam], got label \"NaN\""),
        bad("CS-15", two, "1.5\ta", "line 12", "\"1.5\""),
        bad("CS-15", two, "7\ta", "line 12", "\"7\""),
        bad("CS-15", two, "-1\ta", "line 12", "\"-1\""),
        bad("CS-15", two, "Spam\ta", "line 12", "\"Spam\""),
        bad("JL-01", JSONL, "{bad", "line 12, column 2", "valid JSON"),
        bad("JL-01", JSONL, "{\"label\":\"ham\",\"text\":\"a\"} {}", "line 12, column 28", "one"),
        bad("JL-04", JSONL, "{\"label\":\"ham\"}", "line 12", "the key \"text\", got none"),
        bad("JL-04", JSONL, "{}", "line 12", "the key \"label\""),
        bad("JL-04", JSONL, "{\"label\":\"ham\",\"text\":null}", "line 12", "got null"),
        bad("JL-04", JSONL, "{\"label\":\"ham\",\"text\":5}", "line 12", "got a number"),
        bad("JL-04", JSONL, "{\"label\":[],\"text\":\"a\"}", "line 12", "got an array"),
        bad("JL-04", JSONL, "{\"label\":1.5,\"text\":\"a\"}", "line 12", "got a number"),
        bad("JL-04", JSONL, "[1]", "line 12", "got an array"),
        bad("JL-04", JSONL, "\"a\"", "line 12", "got a string"),
        bad("JL-11", JSONL, "{\"label\":NaN,\"text\":\"a\"}", "line 12, column ", "JSON"),
        bad("JL-11", JSONL, "{\"label\":Infinity,\"text\":\"a\"}", "line 12, column ", "JSON"),
        bad("JL-11", JSONL, "{'label':'ham','text':'a'}", "line 12, column ", "JSON"),
        bad("JL-11", JSONL, "{\"label\":\"ham\",\"text\":\"a\",}", "line 12, column ", "JSON"),
        bad("JL-11", JSONL, "{\"label\":\"ham\",/**/\"text\":\"a\"}", "line 12", "JSON"));
  }

  private static Arguments row(
      String code, Class<?> type, DatasetOptions options, String content, String names) {
    return Arguments.of(code, names, type, options, content);
  }

  private static Arguments bad(
      String code, DatasetOptions options, String row, String place, String names) {
    return Arguments.of(code, row, options, place, names);
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("badFiles")
  void aBadFileIsRefused(
      String code, String names, Class<?> type, DatasetOptions options, String content) {
    for (BadRows badRows : BadRows.values()) {
      BadFileException e =
          assertThrows(BadFileException.class, () -> read(content, options.withBadRows(badRows)));
      assertInstanceOf(type, e, e.getMessage());
      assertEquals(code, e.code(), e.getMessage());
      assertTrue(e.getMessage().contains(names), e.getMessage());
      assertEquals("file", e.path());
    }
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("badRows")
  void aBadRowIsRefusedOrSkipped(
      String code, String row, DatasetOptions options, String place, String names)
      throws IOException {
    String content = tenGoodRows(options) + row + "\n" + goodRow(options, 10);
    DatasetFormatException e =
        assertThrows(DatasetFormatException.class, () -> read(content, options));
    // What is no JSON has one code, whatever it is instead.
    assertEquals(code.equals("JL-11") ? "JL-01" : code, e.code(), e.getMessage());
    assertTrue(e.getMessage().contains(names), e.getMessage());
    assertTrue(e.location().startsWith(place), e.getMessage());

    TextDataset data = read(content, options.withBadRows(BadRows.SKIP));
    assertEquals(11, data.size());
    assertEquals(12, data.report().rows());
    assertEquals(1, data.report().skippedRows());
    assertEquals(List.of(e.location() + ": " + e.code()), data.report().firstSkipped());
    assertEquals("text 10", data.examples().get(10).text());
  }

  /** Eleven lines: a header or a blank line, and ten rows. */
  private static String tenGoodRows(DatasetOptions options) {
    StringBuilder rows = new StringBuilder(options.header() ? "label,text\n" : "\n");
    for (int i = 0; i < 10; i++) {
      rows.append(goodRow(options, i));
    }
    return rows.toString();
  }

  private static String goodRow(DatasetOptions options, int number) {
    String label = number % 2 == 0 ? "ham" : "spam";
    return options.format() == DatasetOptions.Format.JSONL
        ? "{\"label\":\"" + label + "\",\"text\":\"text " + number + "\"}\n"
        : label + options.delimiter() + "text " + number + "\n";
  }

  @Test
  void cs07AHugeSparseFileIsRefusedEarly(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("sparse.csv");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(3L << 30);
    }
    assertThrows(LimitExceededException.class, () -> TextDataset.csv(file));
  }

  @Test
  void cs07LimitsCanBeRaised() throws IOException {
    String content = GOOD_CSV + "ham," + "a".repeat(5 << 20) + "\n";
    DatasetOptions.Limits limits = new DatasetOptions.Limits(6 << 20, 6 << 20, 2);
    assertEquals(3, read(content, CSV.withLimits(limits)).size());
  }

  @Test
  void cs11AByteOrderMarkIsNoPartOfTheFirstColumn() throws IOException {
    assertEquals(2, readUtf8("\uFEFF" + GOOD_CSV, CSV).size());
    assertEquals(2, readUtf8("\uFEFF" + GOOD_JSONL, JSONL).size());
  }

  @ParameterizedTest(name = "CS-13 {index}")
  @MethodSource("lineEnds")
  void cs13AllLineEndsAreReadAndCounted(String content) throws IOException {
    TextDataset data = read(content, CSV.withBadRows(BadRows.SKIP));
    assertEquals(2, data.size());
    assertEquals(List.of("line 4: CS-04"), data.report().firstSkipped());
  }

  static Stream<String> lineEnds() {
    return Stream.of(
        "label,text\nham,a\nspam,b\nbad\n",
        "label,text\r\nham,a\r\nspam,b\r\nbad\r\n",
        "label,text\rham,a\rspam,b\rbad",
        "label,text\nham,a\r\nspam,b\rbad",
        "label,text\nham,\"a\nb\"\nbad\nspam,b",
        "label,text\r\nham,\"a\r\nb\"\r\nbad\r\nspam,b");
  }

  @Test
  void cs13ALineEndInsideQuotesIsKept() throws IOException {
    assertEquals(
        "a\r\nb\rc\n", read("label,text\nham,\"a\r\nb\rc\n\"\n", CSV).examples().get(0).text());
  }

  @Test
  void cs13LinesAreReadAlikeWhereverABufferEnds() throws IOException {
    for (int length = (1 << 16) - 12; length < (1 << 16) + 4; length++) {
      String text = "a".repeat(length);
      for (String end : List.of("\n", "\r", "\r\n")) {
        TextDataset data = read("ham\t" + text + end + "spam\tb" + end + "ham\tc", TSV);
        assertEquals(3, data.size());
        assertEquals(text, data.examples().get(0).text());
        assertEquals("c", data.examples().get(2).text());
      }
    }
  }

  @Test
  void cs14AFewRowsWithoutTextAreSkippedInAnyCase() throws IOException {
    TextDataset data = read(tenGoodRows(CSV) + "ham,\"  \"\n" + "ham,a\n".repeat(5), CSV);
    assertEquals(15, data.size());
    assertEquals(List.of("line 12: CS-14, no text"), data.report().firstSkipped());
  }

  @Test
  void cs15FoundLabelsAreNumbersIfTheFirstIs() {
    for (String label : List.of("NaN", "1.5", "-1", "ham", "01")) {
      DatasetFormatException e =
          assertThrows(
              DatasetFormatException.class, () -> read("0\ta\n1\tb\n" + label + "\tc\n", TSV));
      assertEquals("CS-15", e.code());
      assertEquals("line 3", e.location());
    }
  }

  @Test
  void cs15ThousandsOfLabelsAreNoLabels() {
    StringBuilder swapped = new StringBuilder();
    for (int i = 0; i < 1_001; i++) {
      swapped.append("text ").append(i).append("\tham\n");
    }
    DatasetFormatException e =
        assertThrows(DatasetFormatException.class, () -> read(swapped.toString(), TSV));
    assertEquals("CS-15", e.code());
    assertEquals("line 1001", e.location());
  }

  @Test
  void cs17AQuotationMarkInTsvIsACharacter() throws IOException {
    assertEquals("\"a", read("ham\t\"a\nspam\tb\"\n", TSV).examples().get(0).text());
    assertEquals("a\tb", read("ham\t\"a\tb\"\n", TSV.withQuoting(true)).examples().get(0).text());
  }

  @Test
  void cs21AFileThatChangesWhileItIsReadIsRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("grows.tsv");
    Files.writeString(file, "ham\ta\nspam\tb\n");
    assertEquals(2, TextDataset.tsv(file).size());
    DatasetFormatException e =
        assertThrows(
            DatasetFormatException.class,
            () ->
                InputFiles.readUnchanged(
                    file,
                    in -> {
                      Files.writeString(file, "ham\ta\n");
                      return "";
                    }));
    assertEquals("CS-21", e.code());
    assertTrue(e.getMessage().contains("13 bytes"), e.getMessage());
  }

  @Test
  void cs23DamagedTextsAreCounted() throws IOException {
    TextDataset data = readUtf8("ham\ta\uFFFD\nham\tb\nspam\t\uFFFD\uFFFD\n", TSV);
    assertEquals(3, data.size());
    assertEquals(2, data.report().damagedTexts());
  }

  @Test
  void jl02ACutFileIsNotSilentlyShorter() throws IOException {
    String content = GOOD_JSONL + "{\"label\":\"ham\",\"text\":\"abc";
    DatasetFormatException e =
        assertThrows(DatasetFormatException.class, () -> read(content, JSONL));
    assertEquals("JL-02", e.code());
    assertTrue(e.getMessage().contains("truncated"), e.getMessage());
    TextDataset data = read(content, JSONL.withBadRows(BadRows.SKIP));
    assertEquals(2, data.size());
    assertTrue(data.report().firstSkipped().get(0).contains("JL-02"));
  }

  @Test
  void jl08ALoneSurrogateBecomesTheReplacementCharacter() throws IOException {
    TextDataset data = read("{\"label\":\"ham\",\"text\":\"a\\ud800b\"}\n", JSONL);
    assertEquals("a\uFFFDb", data.examples().get(0).text());
    assertEquals(1, data.report().damagedTexts());
  }

  @Test
  void jl09UnicodeLineSeparatorsAreText() throws IOException {
    String text = "a\u2028b\u0085c\u2029d";
    TextDataset data = readUtf8("{\"label\":\"ham\",\"text\":\"" + text + "\"}\n", JSONL);
    assertEquals(text, data.examples().get(0).text());
    assertEquals(text, readUtf8("ham\t" + text + "\n", TSV).examples().get(0).text());
  }

  @Test
  void jl10BlankLinesAndLineEndsDoNotMatter() throws IOException {
    String content = "\n" + GOOD_JSONL.strip().replace("\n", "\r\n\r\n  \r\n");
    assertEquals(2, read(content, JSONL).size());
  }

  @Test
  void filesThatAreNoneAreRefused(@TempDir Path folder) {
    assertThrows(NoSuchFileException.class, () -> TextDataset.csv(folder.resolve("missing.csv")));
    assertThrows(FileSystemException.class, () -> TextDataset.csv(folder));
  }

  @Test
  void messagesNeverHoldControlCharacters() {
    BadFileException e =
        assertThrows(BadFileException.class, () -> read("\u001b[31m,text\nham,a\n", CSV));
    assertTrue(e.getMessage().chars().noneMatch(Character::isISOControl), e.getMessage());
  }

  @Test
  void damagedFilesGiveRefusalsAndNothingElse() {
    Random random = new Random(11);
    BadRows[] failing = {BadRows.FAIL};
    for (DatasetOptions options : List.of(CSV, TSV.withQuoting(true), JSONL)) {
      byte[] good = (tenGoodRows(options) + "ham,\"a\"\"b\",\\u0041").getBytes(UTF_8);
      for (int round = 0; round < 2_000; round++) {
        byte[] damaged = good.clone();
        for (int k = 0; k <= random.nextInt(3); k++) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
        }
        // Skipping is logged, so seldom tried.
        for (BadRows badRows : round % 40 == 0 ? BadRows.values() : failing) {
          try {
            TextDataset.read(
                new ByteArrayInputStream(damaged), "file", options.withBadRows(badRows));
          } catch (BadFileException e) {
            assertTrue(e.getMessage().startsWith("file: "), e.getMessage());
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        }
      }
    }
  }

  /** Reads characters as bytes, so that a row can hold any byte. */
  private static TextDataset read(String content, DatasetOptions options) throws IOException {
    InputStream in = new ByteArrayInputStream(content.getBytes(ISO_8859_1));
    return TextDataset.read(in, "file", options);
  }

  private static TextDataset readUtf8(String content, DatasetOptions options) throws IOException {
    return TextDataset.read(Sources.stream(content), "file", options);
  }
}
