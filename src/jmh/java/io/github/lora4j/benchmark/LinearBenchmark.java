package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * The frozen linear maps of GPT-2 124M, medium, large and XL, and a head of two classes. 960 rows
 * are 8 x 120 tokens, 240 the same batch without padding.
 */
public class LinearBenchmark extends KernelBenchmark {

  /** Input and output features. */
  @Param({
    "768x768",
    "768x3072",
    "3072x768",
    "768x2",
    "1024x1024",
    "1024x4096",
    "4096x1024",
    "1280x1280",
    "1280x5120",
    "5120x1280",
    "1600x1600",
    "1600x6400",
    "6400x1600",
    "1600x2"
  })
  public String shape;

  @Param({"960", "240", "8", "1"})
  public int rows;

  private Kernels kernels;
  private PackedMatrix weight;
  private Matrix x;
  private Matrix y;

  @Setup
  public void setUp() {
    kernels = open();
    String[] sizes = shape.split("x");
    int in = Integer.parseInt(sizes[0]);
    int out = Integer.parseInt(sizes[1]);
    weight = kernels.pack(matrix(out, in));
    x = matrix(rows, in);
    y = matrix(rows, out);
  }

  @Benchmark
  public void linear() {
    kernels.linear(x, weight, null, y);
  }

  @Benchmark
  public void linearBackward() {
    kernels.linearBackward(y, weight, x, false);
  }

  static Work work(Parameters parameters) {
    return Work.flops(2 * parameters.product("shape") * parameters.number("rows"));
  }
}
