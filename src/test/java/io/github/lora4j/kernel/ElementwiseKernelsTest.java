package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.U;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** GELU and AdamW of both kernels against double precision. */
class ElementwiseKernelsTest {

  private static final double C = Math.sqrt(2 / Math.PI);
  private static final double CUBIC = 0.044715;

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(C * (x + CUBIC * x * x * x)));
  }

  static double slope(double x) {
    double t = Math.tanh(C * (x + CUBIC * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * C * (1 + 3 * CUBIC * x * x);
  }

  /** Fine near 0, where GELU bends, and coarse far away. */
  private static float[] inputs() {
    float[] x = new float[100_003];
    for (int i = 0; i < x.length; i++) {
      double t = (i - x.length / 2) / (double) (x.length / 2);
      x[i] = (float) (t * t * t * 40);
    }
    return x;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void geluIsRight(Kernels kernels) {
    float[] x = inputs();
    float[] y = new float[x.length];
    kernels.gelu(x, y, x.length);
    for (int i = 0; i < x.length; i++) {
      // The argument of the exponential, at most a few units of rounding off, is s (1 - s) |2u| <=
      // 0.23 in effect; five more operations round.
      double bound = 8 * U * Math.abs(x[i]) * (x[i] > 0 ? 1 : Math.min(1, 20 * tail(x[i])));
      assertEquals(gelu(x[i]), y[i], bound + 1e-36, "gelu of " + x[i]);
    }
  }

  /** How fast the logistic function falls off on the left, not below double precision of tanh. */
  private static double tail(double x) {
    return Math.exp(2 * C * x) + 0x1p-24;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theGeluGradientIsRight(Kernels kernels) {
    float[] x = inputs();
    float[] dy = uniform(x.length, 1, 1);
    for (boolean accumulate : new boolean[] {false, true}) {
      float[] dx = uniform(x.length, 1, 2);
      if (!accumulate) {
        Arrays.fill(dx, Float.NaN); // what is overwritten may hold anything
      }
      final float[] before = dx.clone();
      kernels.geluBackward(x, dy, dx, x.length, accumulate);
      for (int i = 0; i < x.length; i++) {
        double exact = dy[i] * slope(x[i]) + (accumulate ? before[i] : 0);
        double bound = 16 * U * Math.abs(dy[i]) + (accumulate ? 2 * U * Math.abs(before[i]) : 0);
        assertEquals(exact, dx[i], bound, "slope at " + x[i]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void geluOfExtremeValues(Kernels kernels) {
    for (int padding : new int[] {0, 9}) {
      float[] x = {
        1e30f,
        -1e30f,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        0,
        -0f,
        Float.NaN,
        1e-40f,
        -1e-40f,
        Float.POSITIVE_INFINITY
      };
      int n = x.length;
      x = Arrays.copyOf(x, n + padding);
      float[] y = new float[x.length];
      kernels.gelu(x, y, x.length);
      float[] expected = {1e30f, 0, Float.MAX_VALUE, 0, 0, 0, Float.NaN, 5e-41f, -5e-41f};
      for (int i = 0; i < expected.length; i++) {
        // Far out on the left either 0 or what comes out at -10.
        float allowed = x[i] < -10 ? 2e-37f : 3e-45f;
        assertEquals(expected[i], y[i] + 0f, allowed, "gelu of " + x[i]);
      }
      assertEquals(Float.POSITIVE_INFINITY, y[9]);
      float[] ones = new float[x.length];
      Arrays.fill(ones, 1f);
      float[] dx = new float[x.length];
      kernels.geluBackward(x, ones, dx, x.length, false);
      float[] slopes = {1, 0, 1, 0, 0.5f, 0.5f, Float.NaN, 0.5f, 0.5f};
      for (int i = 0; i < slopes.length; i++) {
        assertEquals(slopes[i], dx[i], 1e-7f, "slope at " + x[i]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void anElementDoesNotDependOnItsPlace(Kernels kernels) {
    float[] x = uniform(40_000, 4, 1);
    float[] y = new float[x.length];
    kernels.gelu(x, y, x.length);
    float[] dx = new float[x.length];
    kernels.geluBackward(x, y, dx, x.length, false);
    for (int from : new int[] {1, 7, 39_970}) {
      float[] part = Arrays.copyOfRange(x, from, Math.min(x.length, from + 30));
      float[] partDy = Arrays.copyOfRange(y, from, from + part.length);
      float[] result = new float[part.length];
      kernels.gelu(part, result, part.length);
      assertArrayEquals(partDy, result);
      kernels.geluBackward(part, partDy, result, part.length, false);
      assertArrayEquals(Arrays.copyOfRange(dx, from, from + part.length), result);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void adamWFollowsItsFormula(Kernels kernels) {
    for (int n : new int[] {0, 1, 15, 16, 17, 33, 40_001}) {
      float[] p = uniform(n, 1, 1);
      float[] m = new float[n];
      float[] v = new float[n];
      double[] pExact = doubles(p);
      double[] mExact = new double[n];
      double[] vExact = new double[n];
      for (int t = 1; t <= 20; t++) {
        float[] g = uniform(n, 0.1, 100L + t);
        float scale = t % 2 == 0 ? 1 : 0.37f;
        AdamWStep step = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, t);
        kernels.adamW(p, g, scale, m, v, step);
        for (int i = 0; i < n; i++) {
          double gradient = (double) g[i] * scale;
          pExact[i] -= (double) 1e-3f * 0.1f * pExact[i];
          mExact[i] = 0.9f * mExact[i] + (1 - 0.9f) * gradient;
          vExact[i] = 0.999f * vExact[i] + (1 - 0.999f) * gradient * gradient;
          double mHat = mExact[i] / (1 - Math.pow(0.9f, t));
          double vHat = vExact[i] / (1 - Math.pow(0.999f, t));
          pExact[i] -= 1e-3f * mHat / (Math.sqrt(vHat) + 1e-8f);
          // Each step moves p by about the learning rate and rounds p twice; moments that cancel
          // lose digits, but not relative to the largest gradient so far.
          assertEquals(pExact[i], p[i], t * (2 * U * Math.abs(p[i]) + 1e-3 * 1e-5) + 1e-9);
          assertEquals(mExact[i], m[i], 8 * U * 0.1);
          assertEquals(vExact[i], v[i], 8 * U * 0.01);
        }
      }
    }
  }

  private static double[] doubles(float[] x) {
    double[] y = new double[x.length];
    Arrays.setAll(y, i -> x[i]);
    return y;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void notANumberInAGradientReachesTheParameter(Kernels kernels) {
    float[] p = uniform(40, 1, 1);
    float[] g = uniform(40, 1, 2);
    g[3] = Float.NaN;
    g[39] = Float.NaN;
    AdamWStep step = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1);
    kernels.adamW(p, g, 1, new float[40], new float[40], step);
    for (int i = 0; i < 40; i++) {
      assertTrue(Float.isNaN(p[i]) == (i == 3 || i == 39));
    }
  }
}
