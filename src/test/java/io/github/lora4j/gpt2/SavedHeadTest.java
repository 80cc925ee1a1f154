package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.nn.Linear;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders of classifiers that others wrote or that are damaged (MX-08, 09, 13, 17). */
class SavedHeadTest {

  private static final int C = ModelFolder.CHANNELS;
  private static final String THREE = "{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}";

  private final ModelFolder model = new ModelFolder();

  @TempDir private Path folder;

  private Gpt2Classifier load() throws IOException {
    return Gpt2Classifier.load(model.write(folder), LoadOptions.DEFAULT);
  }

  private <E extends BadFileException> void assertRefused(
      Class<E> type, String code, String... parts) throws IOException {
    model.write(folder);
    E e = assertThrows(type, () -> Gpt2Classifier.load(folder, LoadOptions.DEFAULT));
    assertEquals(code, e.code());
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertTrue(e.path().startsWith(folder.toString()), e.path());
  }

  @Test
  void labelsAndHeadAreRead() throws IOException {
    model.config.put("id2label", "{\"1\":\"b\",\"2\":\"c\",\"0\":\"a\"}");
    model.add("score.weight", 3, C);
    Gpt2Classifier classifier = load();
    assertEquals(List.of("a", "b", "c"), classifier.labels());
    Linear score = (Linear) classifier.slots().get("score").layer();
    assertArrayEquals(model.tensors.get("score.weight").values(), score.weight().data());
  }

  @Test
  void moreThanTenLabelsKeepTheirOrder() throws IOException {
    StringBuilder labels = new StringBuilder("{");
    for (int i = 11; i >= 0; i--) {
      labels.append("\"%d\":\"label %d\"%s".formatted(i, i, i > 0 ? "," : "}"));
    }
    model.config.put("id2label", labels.toString());
    model.add("score.weight", 12, C);
    List<String> read = load().labels();
    assertEquals("label 2", read.get(2));
    assertEquals("label 10", read.get(10));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"id2label|null|2", "num_labels|2|2", "num_labels|5|5"})
  void classesWithoutNamesAreCalledAsInTransformers(String key, String value, int classes)
      throws IOException {
    model.config.put(key, value);
    model.add("score.weight", classes, C);
    List<String> labels = load().labels();
    assertEquals(classes, labels.size());
    assertEquals("LABEL_0", labels.get(0));
    assertEquals("LABEL_" + (classes - 1), labels.get(classes - 1));
  }

  @Test
  void modelWithoutAHeadIsNoClassifier() throws IOException {
    model.config.put("id2label", THREE);
    assertRefused(MismatchException.class, "MX-09", "score.weight", "Gpt2.load(folder)");
  }

  @Test
  void headThatDoesNotFitTheLabelsIsRefused() throws IOException {
    model.config.put("id2label", THREE);
    model.add("score.weight", 2, C);
    assertRefused(MismatchException.class, "MX-08", "score.weight", "[3, 4]", "[2, 4]", "3 labels");
  }

  @Test
  void headOfOtherChannelsIsRefused() throws IOException {
    model.config.put("id2label", THREE);
    model.add("score.weight", C, 3);
    assertRefused(MismatchException.class, "MX-08", "[3, 4]", "[4, 3]", "4 channels");
  }

  @Test
  void headWithABiasIsRefused() throws IOException {
    model.config.put("id2label", THREE);
    model.add("score.weight", 3, C);
    model.add("score.bias", 3);
    assertRefused(MismatchException.class, "MX-13", "score.bias");
  }

  @Test
  void nonFiniteHeadIsRefusedUnlessAccepted() throws IOException {
    model.config.put("id2label", THREE);
    model.add("score.weight", 3, C);
    model.tensors.get("score.weight").values()[5] = Float.NaN;
    NonFiniteException e = assertThrows(NonFiniteException.class, this::load);
    assertTrue(e.getMessage().contains("score.weight"), e.getMessage());
    Gpt2Classifier accepted =
        Gpt2Classifier.load(folder, LoadOptions.DEFAULT.withAcceptNonFinite(true));
    Linear score = (Linear) accepted.slots().get("score").layer();
    assertTrue(Float.isNaN(score.weight().data()[5]));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "id2label|[\"a\",\"b\",\"c\"]|/id2label|[...]",
        "id2label|3|/id2label|got 3",
        "id2label|{\"0\":\"a\",\"1\":\"b\",\"3\":\"c\"}|/id2label|no class 2",
        "id2label|{\"0\":\"a\",\"01\":\"b\"}|/id2label|no class 1",
        "id2label|{\"a\":0,\"b\":1}|/id2label|no class 0",
        "id2label|{\"0\":\"a\",\"1\":\"b\",\"2\":\"a\"}|/id2label/2|got a",
        "id2label|{\"0\":\"a\",\"1\":7}|/id2label/1|got 7",
        "id2label|{\"0\":\"a\",\"1\":{\"x\":1}}|/id2label/1|{...}",
        "num_labels|\"2\"|/num_labels|got 2",
        "num_labels|-1|/num_labels|got -1",
        "num_labels|2.5|/num_labels|got 2.5",
        "num_labels|99999999|/num_labels|got 99999999",
        "num_labels|99999999999999999999|/num_labels|got 99999999999999999999",
      })
  void malformedLabelsAreRefused(String key, String value, String place, String part)
      throws IOException {
    model.config.put(key, value);
    model.add("score.weight", 3, C);
    assertRefused(ModelConfigFormatException.class, "MX-17", place, part);
    assertEquals(3, Gpt2.load(folder).config().nLayer()); // no concern of the base
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {"id2label|{\"0\":\"a\"}|1", "id2label|{}|0", "num_labels|1|1"})
  void fewerThanTwoLabelsAreNotSupported(String key, String value, int count) throws IOException {
    model.config.put(key, value);
    model.add("score.weight", 1, C);
    assertRefused(UnsupportedFeatureException.class, "MX-17", "/" + key, "got " + count);
  }

  @Test
  void duplicateClassIsMalformed() throws IOException {
    model.config.put("id2label", "{\"0\":\"a\",\"1\":\"b\",\"1\":\"c\"}");
    model.add("score.weight", 2, C);
    assertRefused(ModelConfigFormatException.class, "MX-14", "id2label");
  }
}
