package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * The products of a LoRA branch {@code y += (x A) B} on a square linear map: forward {@code h = x
 * A} and {@code y += h B}, backward {@code dB += h^T dY}, {@code dh = dY B^T}, {@code dA += x^T dh}
 * and {@code dx += dh A^T}.
 */
public class LoraBenchmark extends KernelBenchmark {

  /** Input and output features. */
  @Param({"768", "1024", "1280", "1600"})
  public int width;

  @Param({"960", "240"})
  public int rows;

  @Param({"4", "16", "64"})
  public int rank;

  private Kernels kernels;
  private Matrix x;
  private Matrix y;
  private Matrix h;
  private Matrix a;
  private Matrix b;

  @Setup
  public void setUp() {
    kernels = open();
    x = matrix(rows, width);
    y = matrix(rows, width);
    h = matrix(rows, rank);
    a = matrix(width, rank);
    b = matrix(rank, width);
  }

  @Benchmark
  public void xA() {
    kernels.multiply(x, a, 1, h, false);
  }

  @Benchmark
  public void hB() {
    kernels.multiply(h, b, 1, y, true);
  }

  @Benchmark
  public void dB() {
    kernels.multiply(h.transpose(), y, 1, b, true);
  }

  @Benchmark
  public void dh() {
    kernels.multiply(y, b.transpose(), 1, h, false);
  }

  @Benchmark
  public void dA() {
    kernels.multiply(x.transpose(), h, 1, a, true);
  }

  @Benchmark
  public void dx() {
    kernels.multiply(h, a.transpose(), 1, x, true);
  }

  static Work work(Parameters parameters) {
    return Work.flops(
        2.0 * parameters.number("width") * parameters.number("rows") * parameters.number("rank"));
  }
}
