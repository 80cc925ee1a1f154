package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class SequencesTest {

  private static void assertRefused(String message, int[] tokenIds, int... offsets) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> new Sequences(tokenIds, offsets))
            .getMessage());
  }

  @Test
  void sequencesAreLaidEndToEnd() {
    Sequences batch = Sequences.of(new int[][] {{5, 6, 7}, {8}, {9, 9}});

    assertArrayEquals(new int[] {5, 6, 7, 8, 9, 9}, batch.tokenIds());
    assertArrayEquals(new int[] {0, 3, 4, 6}, batch.offsets());
    assertEquals(3, batch.count());
    assertEquals(6, batch.tokens());
    assertEquals(3, batch.length(0));
    assertEquals(1, batch.length(1));
    assertEquals(3, batch.longest());
    assertArrayEquals(new int[] {0, 1, 2, 0, 0, 1}, batch.positions());
    assertArrayEquals(new int[] {2, 3, 5}, batch.lastTokens());
  }

  @Test
  void oneSequenceIsABatchOfOne() {
    Sequences batch = Sequences.of(new int[] {4, 2});

    assertEquals(1, batch.count());
    assertArrayEquals(new int[] {0, 2}, batch.offsets());
  }

  @Test
  void offsetsMustCutTheTokens() {
    int[] tokenIds = {1, 2, 3};
    String expected = "sequences: offsets from 0 to the number of tokens, 3, expected, got ";

    assertRefused(expected + "0 offsets ", tokenIds);
    assertRefused(expected + "1 offsets from 0 to 0", tokenIds, 0);
    assertRefused(expected + "2 offsets from 1 to 3", tokenIds, 1, 3);
    assertRefused(expected + "2 offsets from 0 to 2", tokenIds, 0, 2);
  }

  @Test
  void aSequenceHasATokenAtLeast() {
    String expected = "sequences: at least one token in each expected, got none in sequence ";

    assertRefused(expected + 1, new int[] {1, 2, 3}, 0, 2, 2, 3);
    assertRefused(expected + 1, new int[] {1, 2, 3}, 0, 2, 1, 3);
    assertThrows(IllegalArgumentException.class, () -> Sequences.of(new int[][] {{1}, {}}));
    assertThrows(IllegalArgumentException.class, () -> Sequences.of(new int[0][]));
    assertThrows(IllegalArgumentException.class, () -> Sequences.of(new int[0]));
  }
}
