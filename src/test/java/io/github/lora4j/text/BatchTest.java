package io.github.lora4j.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class BatchTest {

  private static final List<int[]> SEQUENCES =
      List.of(new int[] {5, 6, 7}, new int[] {8}, new int[] {9, 10});

  @Test
  void sequencesLieEndToEnd() {
    Batch batch = Batch.of(SEQUENCES);
    assertArrayEquals(new int[] {5, 6, 7, 8, 9, 10}, batch.tokenIds());
    assertArrayEquals(new int[] {0, 3, 4, 6}, batch.offsets());
    assertArrayEquals(new int[] {0, 1, 2}, batch.examples());
    assertArrayEquals(new int[0], batch.targets());
    assertEquals(3, batch.size());
    assertEquals(6, batch.realTokens());
  }

  @Test
  void aLanguageModelLearnsTheNextTokenOfTheSameSequence() {
    Batch batch = Batch.forLanguageModel(SEQUENCES);
    int none = Batch.IGNORE_INDEX;
    assertArrayEquals(new int[] {6, 7, none, none, 10, none}, batch.targets());
  }

  @Test
  void aClassifierLearnsOneLabelForEachSequence() {
    int[] labels = {1, 0, 1};
    assertArrayEquals(labels, Batch.forClassification(SEQUENCES, labels).targets());
    assertRefused(() -> Batch.forClassification(SEQUENCES, new int[6]));
  }

  @Test
  void lengthsThatDisagreeAreRefused() {
    int[] ids = {1, 2, 3};
    int[] offsets = {0, 1, 3};
    int[] two = {0, 1};
    new Batch(ids, offsets, two, 3, two, 0, 0);
    assertRefused(() -> new Batch(ids, new int[] {0}, two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, new int[0], two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, new int[] {0, 1, 2}, two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, new int[] {1, 2, 3}, two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, new int[] {0, 3, 3}, two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, new int[] {0, 4, 3}, two, 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, offsets, new int[1], 3, two, 0, 0));
    assertRefused(() -> new Batch(ids, offsets, two, 3, new int[3], 0, 0));
    assertRefused(() -> new Batch(ids, offsets, two, 4, two, 0, 0));
    assertRefused(() -> new Batch(ids, offsets, two, 0, two, 0, 0));
    assertRefused(() -> new Batch(ids, offsets, two, 3, two, -1, 0));
    assertRefused(() -> Batch.of(List.of()));
    assertRefused(() -> Batch.of(List.of(new int[0])));
  }

  private static void assertRefused(Executable call) {
    assertThrows(IllegalArgumentException.class, call);
  }
}
