package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Parallel;
import java.util.function.IntConsumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Soft-max of about a million elements in rows, 30 to 1024 as in attention and 50257 as in the loss
 * of a language model. A row is the work of one thread; the rows are shared out.
 */
public class SoftmaxBenchmark extends KernelBenchmark {

  private static final int ELEMENTS = 1 << 20;
  private static final int ELEMENTS_PER_TASK = 1 << 14;

  @Param({"30", "120", "1024", "50257"})
  public int length;

  private Kernels kernels;
  private float[] x;
  private float[] p;
  private float[] dp;

  @Setup
  public void setUp() {
    kernels = open();
    x = random(ELEMENTS);
    p = random(ELEMENTS);
    dp = random(ELEMENTS);
    softmax();
  }

  private void forEachRow(IntConsumer body) {
    int rows = ELEMENTS / length;
    int rowsPerTask = Math.max(1, ELEMENTS_PER_TASK / length);
    Parallel.forEach(
        (rows + rowsPerTask - 1) / rowsPerTask,
        task -> {
          int end = Math.min(rows, (task + 1) * rowsPerTask);
          for (int row = task * rowsPerTask; row < end; row++) {
            body.accept(row * length);
          }
        });
  }

  @Benchmark
  public void softmax() {
    forEachRow(at -> kernels.softmax(x, at, p, at, length));
  }

  /** Overwrites the gradient, which therefore is copied first. */
  @Benchmark
  public void softmaxBackward() {
    forEachRow(
        at -> {
          System.arraycopy(x, at, dp, at, length);
          kernels.softmaxBackward(p, at, dp, at, length);
        });
  }

  static Work work(Parameters parameters) {
    int length = parameters.number("length");
    double floats = (double) ELEMENTS / length * length;
    return Work.floats(floats, parameters.method().equals("softmax") ? 2 : 3);
  }
}
