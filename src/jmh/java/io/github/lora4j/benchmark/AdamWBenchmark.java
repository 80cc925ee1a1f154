package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.AdamWStep;
import io.github.lora4j.kernel.Kernels;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * One AdamW step on a LoRA matrix of GPT-2 124M, and on as many numbers as its whole adapter has.
 */
public class AdamWBenchmark extends KernelBenchmark {

  private static final AdamWStep STEP = new AdamWStep(8e-4f, 0.9f, 0.999f, 1e-8f, 0.1f, 100);

  @Param({"12288", "2666528"})
  public int length;

  private Kernels kernels;
  private float[] p;
  private float[] g;
  private float[] m;
  private float[] v;

  @Setup
  public void setUp() {
    kernels = open();
    p = random(length);
    g = random(length);
    m = new float[length];
    v = new float[length];
  }

  @Benchmark
  public void adamW() {
    kernels.adamW(p, g, 1, m, v, STEP);
  }

  /** p, m and v are read and written, g is read. */
  static Work work(Parameters parameters) {
    return Work.floats(parameters.number("length"), 7, 4);
  }
}
