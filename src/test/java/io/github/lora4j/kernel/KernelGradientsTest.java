package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tensor.DoubleOps;
import io.github.lora4j.tensor.GradientAssert;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Backward passes against central differences of the forward formulas, taken in double precision
 * with a step of 1e-4, whose own error is about 1e-9 of the largest gradient.
 */
class KernelGradientsTest {

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  /**
   * Compares a gradient with the differences of {@code f}, to 1e-5 of the largest, and makes sure
   * that the same gate refuses three kinds of wrong gradients.
   */
  private static void assertGradient(ToDoubleFunction<double[]> f, float[] x, float[] gradient) {
    double[] differences = GradientAssert.centralDifferences(DoubleOps.widen(x), f);
    double largest = Arrays.stream(differences).map(Math::abs).max().orElseThrow();
    assertTrue(largest > 1e-3, "a gradient that is not zero");
    double allowed = 1e-5 * largest + 1e-8;
    assertTrue(error(differences, gradient, 1, 0) <= allowed, "the gradient");
    assertFalse(error(differences, gradient, -1, 0) <= allowed, "a wrong sign");
    assertFalse(error(differences, gradient, 1.001, 0) <= allowed, "a wrong factor");
    assertFalse(error(differences, gradient, 1, 1) <= allowed, "a wrong place");
  }

  /** The largest error of a gradient that has been multiplied by a factor and shifted. */
  private static double error(double[] exact, float[] gradient, double factor, int shift) {
    double worst = 0;
    for (int i = 0; i < exact.length; i++) {
      double value = factor * gradient[(i + shift) % gradient.length];
      worst = Math.max(worst, Math.abs(exact[i] - value));
    }
    return worst;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void linear(Kernels kernels) {
    int m = 5;
    int in = 19;
    int out = 35;
    float[] w = uniform(out * in, 1, 1);
    float[] x = uniform(m * in, 1, 2);
    float[] dy = uniform(m * out, 1, 3);
    float[] dx = new float[m * in];
    PackedMatrix packed = kernels.pack(Matrix.of(w, out, in));
    kernels.linearBackward(Matrix.of(dy, m, out), packed, Matrix.of(dx, m, in), false);
    assertGradient(
        point -> {
          double loss = 0;
          for (int i = 0; i < m; i++) {
            for (int o = 0; o < out; o++) {
              double y = 0;
              for (int k = 0; k < in; k++) {
                y += point[i * in + k] * w[o * in + k];
              }
              loss += dy[i * out + o] * y;
            }
          }
          return loss;
        },
        x,
        dx);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void softmax(Kernels kernels) {
    int n = 37;
    float[] x = uniform(n, 2, 1);
    float[] dp = uniform(n, 1, 2);
    float[] p = new float[n];
    kernels.softmax(x, 0, p, 0, n);
    float[] dx = dp.clone();
    kernels.softmaxBackward(p, 0, dx, 0, n);
    assertGradient(
        point -> {
          double sum = 0;
          double weighted = 0;
          for (int i = 0; i < n; i++) {
            sum += Math.exp(point[i]);
            weighted += dp[i] * Math.exp(point[i]);
          }
          return weighted / sum;
        },
        x,
        dx);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void layerNorm(Kernels kernels) {
    int rows = 3;
    int columns = 41;
    float eps = 1e-5f;
    float[] x = uniform(rows * columns, 1, 1);
    float[] dy = uniform(rows * columns, 1, 2);
    float[] weight = uniform(columns, 1, 3);
    float[] mean = new float[rows];
    float[] scale = new float[rows];
    float[] y = new float[rows * columns];
    kernels.layerNorm(x, rows, columns, weight, new float[columns], eps, y, mean, scale);
    float[] dx = new float[rows * columns];
    kernels.layerNormBackward(dy, x, rows, columns, weight, mean, scale, dx, false);
    assertGradient(
        point -> {
          double loss = 0;
          for (int from = 0; from < rows * columns; from += columns) {
            double m = 0;
            double squares = 0;
            for (int j = 0; j < columns; j++) {
              m += point[from + j] / columns;
            }
            for (int j = 0; j < columns; j++) {
              squares += (point[from + j] - m) * (point[from + j] - m) / columns;
            }
            for (int j = 0; j < columns; j++) {
              loss += dy[from + j] * weight[j] * (point[from + j] - m) / Math.sqrt(squares + eps);
            }
          }
          return loss;
        },
        x,
        dx);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void gelu(Kernels kernels) {
    float[] x = uniform(300, 6, 1);
    float[] dy = uniform(300, 1, 2);
    float[] dx = new float[300];
    kernels.geluBackward(x, dy, dx, x.length, false);
    assertGradient(
        point -> {
          double loss = 0;
          for (int i = 0; i < x.length; i++) {
            loss += dy[i] * ElementwiseKernelsTest.gelu(point[i]);
          }
          return loss;
        },
        x,
        dx);
  }
}
