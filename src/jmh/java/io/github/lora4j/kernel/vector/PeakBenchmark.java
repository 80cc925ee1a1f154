package io.github.lora4j.kernel.vector;

import io.github.lora4j.benchmark.KernelBenchmark;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** How fast the processor multiplies and adds when nothing else stands in the way. */
public class PeakBenchmark extends KernelBenchmark {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;

  /** Chains of fma: more than the latency of one times what a core begins in a cycle. */
  private static final int CHAINS = 12;

  private static final int STEPS = 1 << 16;

  /** Both panels together stay below the 32 KiB of the smallest first cache. */
  private static final int DEPTH = 128;

  private static final int TILES = 512;

  private float[][] a;
  private float[][] b;
  private float[][] c;

  @Setup
  public void setUp() {
    open();
    WarmUp.run();
    a = operands(DEPTH * Tiles.PITCH);
    b = operands(DEPTH * Tiles.WIDE);
    c = operands(Panels.START + Tiles.ROWS * Tiles.WIDE);
  }

  /** One array for each thread. */
  private float[][] operands(int length) {
    float[][] arrays = new float[threads][];
    Arrays.setAll(arrays, i -> random(length));
    return arrays;
  }

  /** Nothing but fma on registers. */
  @Benchmark
  public void registers() {
    Parallel.forEach(threads, thread -> chains(a[thread], c[thread]));
  }

  /** The tile of the matrix product on panels that stay in the first cache. */
  @Benchmark
  public void tile() {
    Parallel.forEach(
        threads,
        thread -> {
          for (int i = 0; i < TILES; i++) {
            WideTiles.multiply(DEPTH, a[thread], 0, b[thread], 0, c[thread]);
          }
        });
  }

  /**
   * Additions and multiplications of a call.
   *
   * @param method the benchmark's method
   * @param threads how many threads share a call
   */
  public static double flops(String method, int threads) {
    double each =
        method.equals("tile")
            ? (double) TILES * DEPTH * Tiles.ROWS * Tiles.WIDE
            : (double) STEPS * CHAINS * Lanes.COUNT;
    return 2 * each * threads;
  }

  private static void chains(float[] from, float[] to) {
    FloatVector a = FloatVector.broadcast(SPECIES, 0.5f);
    FloatVector b = FloatVector.fromArray(SPECIES, from, 0);
    // Chains that begin alike would be one.
    FloatVector c0 = FloatVector.fromArray(SPECIES, from, 1 * Lanes.COUNT);
    FloatVector c1 = FloatVector.fromArray(SPECIES, from, 2 * Lanes.COUNT);
    FloatVector c2 = FloatVector.fromArray(SPECIES, from, 3 * Lanes.COUNT);
    FloatVector c3 = FloatVector.fromArray(SPECIES, from, 4 * Lanes.COUNT);
    FloatVector c4 = FloatVector.fromArray(SPECIES, from, 5 * Lanes.COUNT);
    FloatVector c5 = FloatVector.fromArray(SPECIES, from, 6 * Lanes.COUNT);
    FloatVector c6 = FloatVector.fromArray(SPECIES, from, 7 * Lanes.COUNT);
    FloatVector c7 = FloatVector.fromArray(SPECIES, from, 8 * Lanes.COUNT);
    FloatVector c8 = FloatVector.fromArray(SPECIES, from, 9 * Lanes.COUNT);
    FloatVector c9 = FloatVector.fromArray(SPECIES, from, 10 * Lanes.COUNT);
    FloatVector c10 = FloatVector.fromArray(SPECIES, from, 11 * Lanes.COUNT);
    FloatVector c11 = FloatVector.fromArray(SPECIES, from, 12 * Lanes.COUNT);
    for (int i = 0; i < STEPS; i++) {
      c0 = c0.fma(a, b);
      c1 = c1.fma(a, b);
      c2 = c2.fma(a, b);
      c3 = c3.fma(a, b);
      c4 = c4.fma(a, b);
      c5 = c5.fma(a, b);
      c6 = c6.fma(a, b);
      c7 = c7.fma(a, b);
      c8 = c8.fma(a, b);
      c9 = c9.fma(a, b);
      c10 = c10.fma(a, b);
      c11 = c11.fma(a, b);
    }
    c0.add(c1).add(c2).add(c3).add(c4).add(c5).intoArray(to, 0);
    c6.add(c7).add(c8).add(c9).add(c10).add(c11).intoArray(to, Lanes.COUNT);
  }
}
