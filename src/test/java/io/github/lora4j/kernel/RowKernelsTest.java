package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.U;
import static io.github.lora4j.kernel.KernelsUnderTest.gamma;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Soft-max and layer norm of both kernels against double precision. */
class RowKernelsTest {

  private static final int[] LENGTHS = {
    1, 2, 3, 5, 7, 8, 13, 15, 16, 17, 31, 32, 33, 64, 97, 129, 257, 1023, 1024, 1025, 5000
  };

  /** The error an exponential may have: two units in the last place, or of the smallest numbers. */
  private static final double EXP_ERROR = 4 * U;

  private static final double TINY = 2 * Float.MIN_VALUE;

  /** Below it the vector kernels give 0. */
  private static final double SMALLEST_NORMAL = Float.MIN_NORMAL;

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  /** Rows whose largest element is 0 and whose others go through all exponents of a float. */
  @ParameterizedTest
  @MethodSource("kernels")
  void exponentialsAreRightOverTheirWholeRange(Kernels kernels) {
    int length = 100;
    int roundings = length / 4 + 2 + 2; // four partial sums, a tree of them, and the division
    for (int row = 0; row < 1100; row++) {
      float[] x = new float[length];
      double sum = 1;
      for (int i = 1; i < length; i++) {
        x[i] = (float) (-row * 0.1 - i * 0.001);
        sum += Math.exp(x[i]);
      }
      float[] p = new float[length];
      kernels.softmax(x, 0, p, 0, length);
      for (int i = 0; i < length; i++) {
        double exact = Math.exp(x[i]) / sum;
        double bound = (2 * EXP_ERROR + gamma(roundings)) * exact + SMALLEST_NORMAL;
        assertEquals(exact, p[i], bound, "exp of " + x[i]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void softmaxIsRight(Kernels kernels) {
    for (int length : LENGTHS) {
      for (double scale : new double[] {0, 1, 30, 1e4}) {
        float[] x = uniform(length + 5, scale, length);
        float[] before = x.clone();
        float[] p = new float[length + 7];
        Arrays.fill(p, 9);
        final double logSum = kernels.softmax(x, 3, p, 5, length);
        assertArrayEquals(before, x);
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < length; i++) {
          max = Math.max(max, x[3 + i]);
        }
        double sum = 0;
        for (int i = 0; i < length; i++) {
          sum += Math.exp(x[3 + i] - max);
        }
        for (int i = 0; i < length; i++) {
          double exact = Math.exp(x[3 + i] - max) / sum;
          double argument = U * Math.abs(x[3 + i] - max);
          double bound = exact * (2 * EXP_ERROR + argument + gamma(length)) + SMALLEST_NORMAL;
          assertEquals(exact, p[5 + i], bound, "element %d of %d".formatted(i, length));
        }
        assertEquals(max + Math.log(sum), logSum, 2 * EXP_ERROR + gamma(length) + 88 * U);
        assertEquals(9, p[4]);
        assertEquals(9, p[5 + length]);
        float[] inPlace = x.clone();
        kernels.softmax(inPlace, 3, inPlace, 3, length);
        assertArrayEquals(
            Arrays.copyOfRange(p, 5, 5 + length), Arrays.copyOfRange(inPlace, 3, 3 + length));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void softmaxOfARowWithHiddenOrInvalidElements(Kernels kernels) {
    float[] x = uniform(40, 1, 1);
    x[7] = Float.NEGATIVE_INFINITY;
    x[39] = Float.NEGATIVE_INFINITY;
    float[] p = new float[40];
    kernels.softmax(x, 0, p, 0, 40);
    assertEquals(0, p[7]);
    assertEquals(0, p[39]);
    for (int place : new int[] {0, 20, 39}) {
      float[] y = uniform(40, 1, 1);
      y[place] = Float.NaN;
      assertTrue(Double.isNaN(kernels.softmax(y, 0, p, 0, 40)));
      for (float value : p) {
        assertTrue(Float.isNaN(value));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theSoftmaxGradientIsRight(Kernels kernels) {
    for (int length : LENGTHS) {
      float[] p = new float[length];
      kernels.softmax(uniform(length, 3, length), 0, p, 0, length);
      float[] dp = uniform(length + 3, 2, length + 1);
      final float[] dx = dp.clone();
      double dot = 0;
      double size = 0;
      for (int i = 0; i < length; i++) {
        dot += (double) p[i] * dp[2 + i];
        size += Math.abs((double) p[i] * dp[2 + i]);
      }
      kernels.softmaxBackward(p, 0, dx, 2, length);
      for (int i = 0; i < length; i++) {
        double exact = p[i] * (dp[2 + i] - dot);
        double bound =
            p[i] * (gamma(length + 2) * size + 3 * U * (Math.abs(dp[2 + i]) + Math.abs(dot)));
        assertEquals(exact, dx[2 + i], bound + TINY);
      }
      assertEquals(dp[1], dx[1]);
      assertEquals(dp[2 + length], dx[2 + length]);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void layerNormIsRight(Kernels kernels) {
    for (int columns : LENGTHS) {
      for (double shift : new double[] {0, 100}) {
        int rows = columns > 1000 ? 3 : 37;
        float[] x = uniform(rows * columns, 1, columns);
        for (int i = 0; i < x.length; i++) {
          x[i] += (float) shift;
        }
        float[] weight = uniform(columns, 2, 1);
        float[] bias = uniform(columns, 2, 2);
        float[] y = new float[rows * columns];
        float[] mean = new float[rows];
        float[] scale = new float[rows];
        float eps = 1e-5f;
        kernels.layerNorm(x, rows, columns, weight, bias, eps, y, mean, scale);
        for (int row = 0; row < rows; row++) {
          double m = 0;
          for (int j = 0; j < columns; j++) {
            m += x[row * columns + j];
          }
          m /= columns;
          double variance = 0;
          double largest = 0;
          for (int j = 0; j < columns; j++) {
            double d = x[row * columns + j] - m;
            variance += d * d;
            largest = Math.max(largest, Math.abs(d));
          }
          variance /= columns;
          double s = 1 / Math.sqrt(variance + eps);
          double meanError = gamma(columns) * (Math.abs(m) + largest) + U * Math.abs(m);
          assertEquals(m, mean[row], meanError);
          double relative = gamma(columns + 4) + meanError * meanError * s * s;
          assertEquals(s, scale[row], s * relative);
          for (int j = 0; j < columns; j++) {
            double normalized = (x[row * columns + j] - m) * s;
            double exact = normalized * weight[j] + bias[j];
            double bound =
                Math.abs(weight[j]) * (Math.abs(normalized) * (relative + 4 * U) + meanError * s)
                    + 2 * U * (Math.abs(exact) + Math.abs(bias[j]));
            assertEquals(exact, y[row * columns + j], bound);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theLayerNormGradientIsRight(Kernels kernels) {
    for (int columns : LENGTHS) {
      for (boolean accumulate : new boolean[] {false, true}) {
        int rows = columns > 1000 ? 3 : 37;
        float[] x = uniform(rows * columns, 1, columns);
        float[] dy = uniform(rows * columns, 1, columns + 1);
        float[] weight = uniform(columns, 2, 1);
        float[] mean = new float[rows];
        float[] scale = new float[rows];
        kernels.layerNorm(
            x, rows, columns, weight, new float[columns], 1e-5f, new float[x.length], mean, scale);
        float[] dx = uniform(rows * columns, 1, columns + 2);
        if (!accumulate) {
          Arrays.fill(dx, Float.NaN); // what is overwritten may hold anything
        }
        final float[] before = dx.clone();
        kernels.layerNormBackward(dy, x, rows, columns, weight, mean, scale, dx, accumulate);
        for (int row = 0; row < rows; row++) {
          int from = row * columns;
          double s = scale[row];
          double sum = 0;
          double dot = 0;
          double size = 0;
          double dotSize = 0;
          for (int j = 0; j < columns; j++) {
            double g = (double) dy[from + j] * weight[j];
            double normalized = (x[from + j] - (double) mean[row]) * s;
            sum += g;
            dot += g * normalized;
            size += Math.abs(g);
            dotSize += Math.abs(g * normalized);
          }
          for (int j = 0; j < columns; j++) {
            double g = (double) dy[from + j] * weight[j];
            double normalized = (x[from + j] - (double) mean[row]) * s;
            double exact = s * (g - sum / columns - normalized * dot / columns);
            double parts = Math.abs(g) + size / columns + Math.abs(normalized) * dotSize / columns;
            double bound = s * parts * gamma(columns + 8);
            if (accumulate) {
              exact += before[from + j];
              bound += 2 * U * (Math.abs(exact) + Math.abs(before[from + j]));
            }
            assertEquals(exact, dx[from + j], bound);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aRowOfEqualElementsHasFiniteNormAndGradient(Kernels kernels) {
    int columns = 50;
    float[] x = new float[columns];
    Arrays.fill(x, 3f);
    float[] ones = new float[columns];
    Arrays.fill(ones, 1f);
    float[] y = new float[columns];
    float[] mean = new float[1];
    float[] scale = new float[1];
    kernels.layerNorm(x, 1, columns, ones, new float[columns], 1e-5f, y, mean, scale);
    assertArrayEquals(new float[columns], y);
    float[] dx = new float[columns];
    kernels.layerNormBackward(ones, x, 1, columns, ones, mean, scale, dx, false);
    for (float value : dx) {
      assertEquals(0, value, 1e-3f); // 316, the scale, times the rounding of a mean of ones
    }
  }
}
