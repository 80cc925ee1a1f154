package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernels called by many threads, and with any number of threads. */
@Timeout(120)
class KernelsUnderLoadTest {

  private final int threadsBefore = Parallel.threads();

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  /** One call of each kernel on arrays large enough to be shared between threads. */
  private static final class Work {
    private final Kernels kernels;
    private final int rows = 130;
    private final int columns = 300;
    private final Matrix w = somewhere(columns, columns, false, 1);
    private final PackedMatrix packed;
    private final float[] x = uniform(rows * columns, 1, 2);
    private final float[] y = new float[rows * columns];
    private final float[] z = new float[rows * columns];
    private final float[] weight = uniform(columns, 1, 3);
    private final float[] mean = new float[rows];
    private final float[] scale = new float[rows];
    private final float[] m = new float[rows * columns];
    private final float[] v = new float[rows * columns];
    private final AdamWStep step = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1);

    Work(Kernels kernels) {
      this.kernels = kernels;
      this.packed = kernels.pack(w);
    }

    float[] run() {
      Matrix xs = Matrix.of(x, rows, columns);
      Matrix ys = Matrix.of(y, rows, columns);
      Matrix zs = Matrix.of(z, rows, columns);
      kernels.linear(xs, packed, weight, ys);
      kernels.linearBackward(ys, packed, zs, false);
      kernels.multiply(zs, w, 0.1f, ys, true);
      kernels.multiply(zs, w.transpose(), 0.1f, ys, true);
      kernels.layerNorm(y, rows, columns, weight, weight, 1e-5f, z, mean, scale);
      kernels.layerNormBackward(x, y, rows, columns, weight, mean, scale, z, true);
      kernels.gelu(z, y, y.length);
      kernels.geluBackward(z, x, y, y.length, true);
      for (int i = 0; i < rows; i++) {
        kernels.softmax(y, i * columns, y, i * columns, columns);
        kernels.softmaxBackward(y, i * columns, z, i * columns, columns);
      }
      float[] p = x.clone();
      kernels.adamW(p, z, 0.5f, m.clone(), v.clone(), step);
      for (float value : p) {
        assertTrue(Float.isFinite(value), "a result that says something");
      }
      return p;
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theNumberOfThreadsChangesNoBit(Kernels kernels) {
    Parallel.setThreads(1);
    Work work = new Work(kernels);
    float[] expected = work.run();
    for (int threads : new int[] {2, 3, 8}) {
      Parallel.setThreads(threads);
      assertArrayEquals(expected, work.run(), threads + " threads");
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void manyCallersGetTheSameAsOne(Kernels kernels) throws InterruptedException {
    Parallel.setThreads(3);
    float[] expected = new Work(kernels).run();
    AtomicInteger right = new AtomicInteger();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread caller =
          new Thread(
              () -> {
                Work work = new Work(kernels);
                for (int round = 0; round < 2; round++) {
                  if (Arrays.equals(expected, work.run())) {
                    right.incrementAndGet();
                  }
                }
              });
      callers.add(caller);
      caller.start();
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertEquals(8, right.get());
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void callsFromInsideATaskAreRight(Kernels kernels) {
    Parallel.setThreads(3);
    float[] expected = new Work(kernels).run();
    Parallel.forEach(6, i -> assertArrayEquals(expected, new Work(kernels).run()));
  }
}
