package io.github.lora4j.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextDatasetTest {

  @Test
  void tsvHasLabelAndTextWithoutHeaderOrQuoting() throws IOException {
    TextDataset data = read("spam\t\"Win\" now\nham\thello, you\n", DatasetOptions.tsv());
    assertEquals(
        List.of(new Example("\"Win\" now", 1), new Example("hello, you", 0)), data.examples());
    assertEquals(List.of("ham", "spam"), data.labels());
    assertArrayEquals(new int[] {1, 1}, data.countsByLabel());
  }

  @Test
  void csvHasAHeaderWhoseCaseDoesNotMatter() throws IOException {
    TextDataset data = read("Label,Text\n1,\"a, \"\"b\"\"\nc\"\n0,d\n", DatasetOptions.csv());
    assertEquals(List.of(new Example("a, \"b\"\nc", 1), new Example("d", 0)), data.examples());
    assertEquals(List.of("0", "1"), data.labels());
  }

  @Test
  void columnsAreGivenByNameOrByIndex() throws IOException {
    DatasetOptions csv = DatasetOptions.csv();
    String file = "id,message,kind\n7,hello,ham\n8,win,spam\n";
    List<Example> expected = List.of(new Example("hello", 0), new Example("win", 1));
    assertEquals(expected, read(file, csv.withColumns("kind", "message")).examples());
    assertEquals(expected, read(file, csv.withColumns("2", "1")).examples());
    String bare = "7,hello,ham\n8,win,spam\n";
    assertEquals(expected, read(bare, csv.withHeader(false).withColumns("2", "1")).examples());
    String semicolons = "text;label\nhello;ham\nwin;spam\n";
    assertEquals(expected, read(semicolons, csv.withDelimiter(';')).examples());
  }

  @Test
  void jsonlHasOneObjectALine() throws IOException {
    TextDataset data =
        read(
            "{\"text\": \"a\\nb\", \"label\": \"spam\", \"x\": [1, {\"y\": null}]}\n"
                + "{\"label\": \"ham\", \"text\": \"c\"}",
            DatasetOptions.jsonl());
    assertEquals(List.of(new Example("a\nb", 1), new Example("c", 0)), data.examples());
    TextDataset numbers =
        read(
            "{\"cls\": 0, \"msg\": \"a\"}\n{\"cls\": 1, \"msg\": \"b\"}\n",
            DatasetOptions.jsonl().withColumns("cls", "msg").withLabels(List.of("ham", "spam")));
    assertEquals(List.of(new Example("a", 0), new Example("b", 1)), numbers.examples());
  }

  @Test
  void theEndOfANameTellsTheFormat() {
    assertEquals(DatasetOptions.csv(), DatasetOptions.forFile(Path.of("a.CSV")));
    assertEquals(DatasetOptions.tsv(), DatasetOptions.forFile(Path.of("a.tsv")));
    assertEquals(DatasetOptions.jsonl(), DatasetOptions.forFile(Path.of("a.jsonl")));
    assertThrows(IllegalArgumentException.class, () -> DatasetOptions.forFile(Path.of("a.txt")));
  }

  @Test
  void labelsThatAreFoundDoNotDependOnTheOrderOfRows() throws IOException {
    assertEquals(List.of("ham", "spam"), read("spam\ta\nham\tb\n").labels());
    assertEquals(List.of("2", "10"), read("10\ta\n2\tb\n").labels());
  }

  @Test
  void labelsThatAreGivenKeepTheirOrderAndMayBeNumbersInTheFile() throws IOException {
    DatasetOptions options = DatasetOptions.tsv().withLabels(List.of("spam", "ham"));
    TextDataset data = read("ham\ta\nspam\tb\n0\tc\n", options);
    assertEquals(
        List.of(new Example("a", 1), new Example("b", 0), new Example("c", 0)), data.examples());
    DatasetOptions numbers = DatasetOptions.tsv().withLabels(List.of("1", "0"));
    assertEquals(1, read("0\ta\n", numbers).examples().get(0).label());
  }

  @Test
  void optionsThatMakeNoSenseAreRefused() {
    DatasetOptions csv = DatasetOptions.csv();
    assertThrows(IllegalArgumentException.class, () -> csv.withLabels(List.of("a", "a")));
    assertThrows(IllegalArgumentException.class, () -> csv.withLabels(List.of("a", " ")));
    assertThrows(IllegalArgumentException.class, () -> csv.withDelimiter('"'));
    assertThrows(IllegalArgumentException.class, () -> new DatasetOptions.Limits(0, 1, 1));
    Example example = new Example("a", 2);
    assertThrows(
        IllegalArgumentException.class,
        () -> new TextDataset("x", List.of(example), List.of("ham", "spam")));
    assertThrows(IllegalArgumentException.class, () -> new Example("a", -1));
  }

  @Test
  void aBalancedSetHasAsManyOfEachLabelAsTheRarest() {
    TextDataset balanced = numbered(70, 20, 30).balanced(123);
    assertArrayEquals(new int[] {20, 20, 20}, balanced.countsByLabel());
    assertEquals(60, balanced.examples().stream().distinct().count());
    assertEquals(balanced.examples(), numbered(70, 20, 30).balanced(123).examples());
    assertNotEquals(balanced.examples(), numbered(70, 20, 30).balanced(124).examples());
    assertThrows(IllegalArgumentException.class, () -> numbered(3, 0).balanced(1));
  }

  @ParameterizedTest
  @CsvSource({
    "747, 747, 0.7, 0.1, 1045, 149, 300",
    "50, 50, 0.29, 0.0, 29, 0, 71",
    "5, 5, 0.7, 0.3, 7, 3, 0",
    "3, 100, 1.0, 0.0, 103, 0, 0"
  })
  void aSplitHasTheSharesOfTheWholeAndOfEachLabel(
      int ham,
      int spam,
      double train,
      double validation,
      int inTrain,
      int inValidation,
      int inTest) {
    Splits splits = numbered(ham, spam).split(train, validation, 123);
    assertEquals(inTrain, splits.train().size());
    assertEquals(inValidation, splits.validation().size());
    assertEquals(inTest, splits.test().size());
    assertTrue(Math.abs(splits.train().countsByLabel()[0] - ham * train) < 1);
    assertTrue(Math.abs(splits.train().countsByLabel()[1] - spam * train) <= 1);
    long different =
        Stream.of(splits.train(), splits.validation(), splits.test())
            .flatMap(part -> part.examples().stream())
            .distinct()
            .count();
    assertEquals(ham + spam, different);
    assertEquals(0, splits.leakedTestExamples());
  }

  @Test
  void fractionsOutOfRangeAreRefused() {
    TextDataset data = numbered(5, 5);
    assertThrows(IllegalArgumentException.class, () -> data.split(0, 0.1, 1));
    assertThrows(IllegalArgumentException.class, () -> data.split(0.7, -0.1, 1));
    assertThrows(IllegalArgumentException.class, () -> data.split(0.7, 0.4, 1));
    assertThrows(IllegalArgumentException.class, () -> data.split(Double.NaN, 0.4, 1));
    assertThrows(IllegalArgumentException.class, () -> data.split(0.01, 0, 1));
  }

  @Test
  void threeFilesMakeSplitsIfTheirLabelsAreTheSame() throws IOException {
    TextDataset train = read("ham\ta\nspam\tb\nham\tc\n");
    TextDataset test = read("ham\ta\nspam\tx\n");
    assertEquals(1, Splits.of(train, test, test).leakedTestExamples());
    TextDataset other = read("ham\ta\n");
    assertThrows(IllegalArgumentException.class, () -> Splits.of(train, other, test));
    TextDataset same = read("ham\ta\n", DatasetOptions.tsv().withLabels(train.labels()));
    assertEquals(same, Splits.of(train, same, test).validation());
  }

  @Test
  void aFingerprintIsOfTheContent() throws IOException {
    String tsv = read("ham\ta\nspam\tb\n").fingerprint();
    assertEquals(tsv, read("label,text\r\nham,a\r\nspam,b", DatasetOptions.csv()).fingerprint());
    assertNotEquals(tsv, read("ham\tb\nspam\ta\n").fingerprint());
    assertNotEquals(tsv, read("ham\ta\nspam\tbb\n").fingerprint());
  }

  @Test
  @Tag("reference")
  void theSmsCollectionHasAllItsRows() throws IOException {
    TextDataset data = TextDataset.tsv(Sources.data().resolve("sms/SMSSpamCollection.tsv"));
    assertEquals(5_574, data.size());
    assertArrayEquals(new int[] {4_827, 747}, data.countsByLabel());
    assertEquals(0, data.report().skippedRows());
    Splits splits = data.balanced(123).split(0.7, 0.1, 123);
    assertEquals(1_045, splits.train().size());
    assertEquals(149, splits.validation().size());
    assertEquals(300, splits.test().size());
  }

  @Test
  @Tag("reference")
  void thePublishedSplitIsReadAndItsLeakIsCounted() throws IOException {
    Path folder = Sources.data().resolve("sms/book-split");
    DatasetOptions options = DatasetOptions.csv().withLabels(List.of("ham", "spam"));
    Splits splits =
        Splits.of(
            TextDataset.read(folder.resolve("train.csv"), options),
            TextDataset.read(folder.resolve("validation.csv"), options),
            TextDataset.read(folder.resolve("test.csv"), options));
    assertEquals(1_045, splits.train().size());
    assertEquals(149, splits.validation().size());
    assertEquals(300, splits.test().size());
    assertEquals(37, splits.leakedTestExamples());
  }

  private static TextDataset numbered(int... counts) {
    List<Example> examples = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    for (int label = 0; label < counts.length; label++) {
      labels.add("class" + label);
      for (int i = 0; i < counts[label]; i++) {
        examples.add(new Example("text " + examples.size(), label));
      }
    }
    return new TextDataset("numbered", examples, labels);
  }

  private static TextDataset read(String tsv) throws IOException {
    return read(tsv, DatasetOptions.tsv());
  }

  private static TextDataset read(String content, DatasetOptions options) throws IOException {
    return TextDataset.read(Sources.stream(content), "file", options);
  }
}
