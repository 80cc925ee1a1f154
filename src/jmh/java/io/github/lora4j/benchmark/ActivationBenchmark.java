package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Kernels;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * What stands between the products of a block: layer norm on its width, GELU on four times that.
 */
public class ActivationBenchmark extends KernelBenchmark {

  @Param({"768", "1024", "1280", "1600"})
  public int width;

  @Param({"960", "240"})
  public int rows;

  private Kernels kernels;
  private float[] weight;
  private float[] bias;
  private float[] mean;
  private float[] inverseDeviation;
  private float[] x;
  private float[] y;
  private float[] dx;

  @Setup
  public void setUp() {
    kernels = open();
    weight = random(width);
    bias = random(width);
    mean = new float[rows];
    inverseDeviation = new float[rows];
    x = random(rows * 4 * width);
    y = random(rows * 4 * width);
    dx = random(rows * 4 * width);
    layerNorm();
  }

  @Benchmark
  public void layerNorm() {
    kernels.layerNorm(x, rows, width, weight, bias, 1e-5f, y, mean, inverseDeviation);
  }

  @Benchmark
  public void layerNormBackward() {
    kernels.layerNormBackward(y, x, rows, width, weight, mean, inverseDeviation, dx, false);
  }

  @Benchmark
  public void gelu() {
    kernels.gelu(x, y, x.length);
  }

  @Benchmark
  public void geluBackward() {
    kernels.geluBackward(x, y, dx, x.length, false);
  }

  static Work work(Parameters parameters) {
    String method = parameters.method();
    double floats = (double) parameters.number("rows") * parameters.number("width");
    return Work.floats(
        method.startsWith("gelu") ? 4 * floats : floats, method.endsWith("Backward") ? 3 : 2);
  }
}
