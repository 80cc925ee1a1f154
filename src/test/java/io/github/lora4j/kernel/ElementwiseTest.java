package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Chunks of elements: sizes at the edges of the first, the second and the third. */
class ElementwiseTest {

  private static final int CHUNK = 32768;

  @ParameterizedTest
  @ValueSource(
      ints = {
        0,
        1,
        11,
        12,
        13,
        CHUNK - 1,
        CHUNK,
        CHUNK + 11,
        CHUNK + 12,
        CHUNK + 13,
        2 * CHUNK + 12,
        2 * CHUNK + 13
      })
  void chunksTakeEachIndexOnce(int length) {
    AtomicIntegerArray taken = new AtomicIntegerArray(length);
    Elementwise.chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            taken.incrementAndGet(i);
          }
        });
    for (int i = 0; i < length; i++) {
      assertEquals(1, taken.get(i), "index " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void chunksAreTheSameForAnyNumberOfThreads(int threads) {
    int before = Parallel.threads();
    ConcurrentSkipListMap<Integer, Integer> chunks = new ConcurrentSkipListMap<>();
    Parallel.setThreads(threads);
    try {
      Elementwise.chunks(2 * CHUNK + 100, chunks::put);
    } finally {
      Parallel.setThreads(before);
    }
    assertEquals(List.of(0, CHUNK + 12, 2 * CHUNK + 12), List.copyOf(chunks.keySet()));
    assertEquals(
        List.of(CHUNK + 12, 2 * CHUNK + 12, 2 * CHUNK + 100), List.copyOf(chunks.values()));
  }
}
