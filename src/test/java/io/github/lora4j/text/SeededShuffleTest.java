package io.github.lora4j.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SeededShuffleTest {

  @Test
  void anOrderIsAPermutation() {
    for (int n : new int[] {0, 1, 2, 17, 1_000}) {
      int[] order = SeededShuffle.order(n, 123, 4);
      Arrays.sort(order);
      assertArrayEquals(IntStream.range(0, n).toArray(), order);
    }
    assertThrows(IllegalArgumentException.class, () -> SeededShuffle.order(-1, 0, 0));
  }

  @Test
  void anOrderNeverChanges() {
    // Saved runs depend on it: an order may not differ between versions.
    assertArrayEquals(new int[] {6, 5, 3, 4, 2, 0, 7, 1}, SeededShuffle.order(8, 123, 0));
  }

  @Test
  void seedAndStreamMakeOrdersOfTheirOwn() {
    int[] order = SeededShuffle.order(50, 123, 0);
    assertFalse(Arrays.equals(order, SeededShuffle.order(50, 123, 1)));
    assertFalse(Arrays.equals(order, SeededShuffle.order(50, 124, 0)));
    assertFalse(
        Arrays.equals(SeededShuffle.order(50, 1, 2), SeededShuffle.order(50, 2, 1)),
        "seed and stream are not interchangeable");
  }

  @Test
  void everyNumberComesToEveryPlaceEquallyOften() {
    int n = 6;
    int draws = 60_000;
    int[][] counts = new int[n][n];
    for (int stream = 0; stream < draws; stream++) {
      int[] order = SeededShuffle.order(n, 7, stream);
      for (int place = 0; place < n; place++) {
        counts[place][order[place]]++;
      }
    }
    // Binomial: mean 10,000, standard deviation 91; five of them for 36 counts.
    for (int[] row : counts) {
      for (int count : row) {
        assertTrue(Math.abs(count - draws / n) < 5 * 91, Arrays.deepToString(counts));
      }
    }
  }
}
