package io.github.lora4j.kernel.vector;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs the tiles until the compiler is done with them, before any loop of another width can spoil
 * what it learns of them, and looks whether that was worth it.
 */
final class WarmUp {

  /**
   * So many short calls that the optimizing compiler takes the tiles in hand for the number of
   * calls. Long ones would have it compile the loop in the middle of a running call first, which
   * takes three times as long until all is done, most of it in slow code.
   */
  private static final int SHORT_CALLS = 5000;

  private static final int SHORT_DEPTH = 24;

  /** Gives a compiler that is busy or starved more time; costs nothing where it is done. */
  private static final int LONG_CALLS = 200;

  private static final int PLAIN_CALLS = 50;
  private static final int TRIALS = 5;
  private static final int DEPTH = 256;

  /** Without the optimizing compiler a call takes milliseconds, and more calls change nothing. */
  private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How long to wait for a compiler that is late before the kernels are called slow. */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final float[] a = new float[DEPTH * Tiles.PITCH];
  private final float[] b = new float[DEPTH * Tiles.WIDE];
  private final float[] c = new float[Panels.START + Tiles.ROWS * Tiles.WIDE];

  private WarmUp() {}

  /**
   * Warms up the tiles.
   *
   * @return what to do about it if plain loops are as fast as the tiles, else null
   */
  static @Nullable String run() {
    WarmUp warmUp = new WarmUp();
    repeat(SHORT_CALLS, () -> warmUp.tiles(SHORT_DEPTH));
    repeat(LONG_CALLS, () -> warmUp.tiles(DEPTH));
    repeat(PLAIN_CALLS, warmUp::plainLoops);
    long tile;
    long plain;
    long start = System.nanoTime();
    do {
      tile = best(() -> warmUp.wideTile(DEPTH));
      plain = best(warmUp::plainLoops);
      if (tile < plain) {
        return null;
      }
      // The compiler has threads of its own and may still be at work.
      LockSupport.parkNanos(PAUSE_NANOS);
    } while (System.nanoTime() - start < PATIENCE_NANOS);
    return """
        The Vector API is slow here: a tile of the matrix product takes %d us, plain loops %d us. \
        Remedy: HotSpot with its C2 compiler, lora4j used before other code that uses the Vector \
        API, or -Dlora4j.kernels=portable"""
        .formatted(TimeUnit.NANOSECONDS.toMicros(tile), TimeUnit.NANOSECONDS.toMicros(plain));
  }

  /** The limit is one of processor time: a busy machine must not end the warm-up early. */
  private static void repeat(int calls, Runnable body) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    boolean timed = threads.isCurrentThreadCpuTimeSupported();
    long start = timed ? threads.getCurrentThreadCpuTime() : 0;
    for (int i = 0; i < calls; i++) {
      body.run();
      if (timed && threads.getCurrentThreadCpuTime() - start > MOST_NANOS) {
        return;
      }
    }
  }

  private static long best(Runnable body) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < TRIALS; i++) {
      long start = System.nanoTime();
      body.run();
      best = Math.min(best, System.nanoTime() - start);
    }
    return best;
  }

  private void tiles(int depth) {
    wideTile(depth);
    RowTiles.multiply(Math.min(depth, RowTiles.LENGTH), a, 0, b, 0, c);
    NarrowTiles.rows(depth, a, 0, depth, b, 0, c, 0);
    NarrowTiles.columns(depth, a, 0, Tiles.PITCH, b, 0, c, 0);
  }

  private void wideTile(int depth) {
    WideTiles.multiply(depth, a, 0, b, 0, c);
  }

  /** The product of a wide tile. */
  private void plainLoops() {
    for (int i = 0; i < Tiles.ROWS; i++) {
      for (int k = 0; k < DEPTH; k++) {
        float factor = a[k * Tiles.ROWS + i];
        for (int j = 0; j < Tiles.WIDE; j++) {
          c[i * Tiles.WIDE + j] += factor * b[k * Tiles.WIDE + j];
        }
      }
    }
  }
}
