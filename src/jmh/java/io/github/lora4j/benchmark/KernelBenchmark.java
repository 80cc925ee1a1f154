package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What all benchmarks share. JMH calls them from one thread; how many threads share a call is a
 * parameter.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public abstract class KernelBenchmark {

  @Param({"1", "2"})
  public int threads;

  /** The kernels that {@code -Dlora4j.kernels} names; a fall-back must not be measured for them. */
  protected final Kernels open() {
    Parallel.setThreads(threads);
    Kernels kernels = ActiveKernels.get();
    String asked = System.getProperty(ActiveKernels.PROPERTY);
    if (asked != null && !asked.equals(kernels.name())) {
      throw new IllegalStateException(
          "benchmark: %s kernels expected, got %s".formatted(asked, kernels.description()));
    }
    return kernels;
  }

  /** Numbers from -1 to 1, the same at every call. */
  protected static float[] random(int length) {
    SplittableRandom random = new SplittableRandom(123);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) (2 * random.nextDouble() - 1);
    }
    return values;
  }

  /** A matrix of such numbers. */
  protected static Matrix matrix(int rows, int columns) {
    return Matrix.of(random(rows * columns), rows, columns);
  }
}
