package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Elementwise;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * How fast numbers come and go when nothing else stands in the way: {@code c = a + s b}, as STREAM
 * (McCalpin 1995) measures it, on arrays that together fit a cache or do not.
 */
public class TriadBenchmark extends KernelBenchmark {

  /** The size of the three arrays together. */
  @Param({"1", "8", "32", "256"})
  public int mebibytes;

  private float[] a;
  private float[] b;
  private float[] c;

  @Setup
  public void setUp() {
    open();
    a = random(length(mebibytes));
    b = random(length(mebibytes));
    c = random(length(mebibytes));
  }

  private static int length(int mebibytes) {
    return (mebibytes << 20) / (3 * Float.BYTES);
  }

  @Benchmark
  public void triad() {
    Elementwise.chunks(c.length, (from, to) -> triad(a, b, c, from, to));
  }

  private static void triad(float[] a, float[] b, float[] c, int from, int to) {
    for (int i = from; i < to; i++) {
      c[i] = a[i] + 3 * b[i];
    }
  }

  static Work work(Parameters parameters) {
    return Work.floats(length(parameters.number("mebibytes")), 3);
  }
}
