package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.at;
import static io.github.lora4j.kernel.KernelsUnderTest.gamma;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention of both kernels against double precision: heads that fill a row of a tile's operand,
 * exceed it and do not reach it, sequences of less and more than a block of queries.
 */
class AttentionKernelsTest {

  private static final int HEADS = 2;

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void attentionAndItsGradientAreRight(Kernels kernels) {
    for (int headSize : new int[] {5, 64, 70, 129}) {
      check(kernels, headSize, 1, 64, 63);
      check(kernels, headSize, 65, 130);
    }
  }

  /** Checks attention in sequences of some lengths. */
  static void check(Kernels kernels, int headSize, int... lengths) {
    int[] offsets = new int[lengths.length + 1];
    for (int i = 0; i < lengths.length; i++) {
      offsets[i + 1] = offsets[i] + lengths[i];
    }
    int tokens = offsets[lengths.length];
    int channels = HEADS * headSize;
    float[] qkv = uniform(tokens * 3 * channels, 2, headSize);
    Matrix all = Matrix.of(qkv, tokens, 3 * channels);
    Matrix q = all.columns(0, channels);
    Matrix k = all.columns(channels, channels);
    Matrix v = all.columns(2 * channels, channels);
    Matrix dOut = Matrix.of(uniform(tokens * channels, 1, 7L * headSize), tokens, channels);
    AttentionShape shape = AttentionShape.ofAll(HEADS, headSize, offsets);
    Matrix out = Matrix.of(new float[tokens * channels], tokens, channels);
    Matrix gradients = Matrix.of(new float[qkv.length], tokens, 3 * channels);
    Matrix dq = gradients.columns(0, channels);
    Matrix dk = gradients.columns(channels, channels);
    Matrix dv = gradients.columns(2 * channels, channels);
    float[] max = new float[HEADS * tokens];
    float[] inverseSum = new float[HEADS * tokens];
    kernels.attention(shape, q, k, v, out, max, inverseSum);
    kernels.attentionBackward(shape, q, k, v, dOut, max, inverseSum, dq, dk, dv, false);

    for (int sequence = 0; sequence < lengths.length; sequence++) {
      for (int head = 0; head < HEADS; head++) {
        int first = offsets[sequence];
        int count = lengths[sequence];
        Exact exact =
            new Exact(
                part(q, first, count, head, headSize),
                part(k, first, count, head, headSize),
                part(v, first, count, head, headSize),
                part(dOut, first, count, head, headSize));
        exact.compute();
        String which = "%s, %d x %d, ".formatted(kernels.description(), count, headSize);
        exact.out.assertNear(part(out, first, count, head, headSize), which + "out");
        exact.dq.assertNear(part(dq, first, count, head, headSize), which + "dq");
        exact.dk.assertNear(part(dk, first, count, head, headSize), which + "dk");
        exact.dv.assertNear(part(dv, first, count, head, headSize), which + "dv");
      }
    }
  }

  private static Matrix part(Matrix m, int first, int count, int head, int headSize) {
    return m.block(first, count, head * headSize, headSize);
  }

  /** A sum of products in double precision, with the sum of their magnitudes. */
  private static final class Sums {
    final int columns;
    final double[] sums;
    final double[] magnitudes;

    /** How many units of roundoff of its magnitude an element may be off. */
    double units;

    Sums(int rows, int columns) {
      this.columns = columns;
      sums = new double[rows * columns];
      magnitudes = new double[rows * columns];
    }

    void add(int row, int column, double product, double magnitude) {
      sums[row * columns + column] += product;
      magnitudes[row * columns + column] += magnitude;
    }

    void assertNear(Matrix found, String which) {
      double largest = 0;
      for (int i = 0; i < found.rows(); i++) {
        for (int j = 0; j < columns; j++) {
          double expected = sums[i * columns + j];
          double bound = gamma((int) Math.ceil(units)) * magnitudes[i * columns + j];
          double actual = at(found, i, j);
          assertEquals(expected, actual, bound, () -> which);
          largest = Math.max(largest, Math.abs(actual));
        }
      }
      // A single token's soft-max is 1, whatever its score.
      assertTrue(largest > 0 || found.rows() == 1, which);
    }
  }

  /** One head in double precision. */
  private static final class Exact {
    final Matrix q;
    final Matrix k;
    final Matrix v;
    final Matrix dOut;
    final Sums out;
    final Sums dq;
    final Sums dk;
    final Sums dv;

    Exact(Matrix q, Matrix k, Matrix v, Matrix dOut) {
      this.q = q;
      this.k = k;
      this.v = v;
      this.dOut = dOut;
      out = new Sums(q.rows(), q.columns());
      dq = new Sums(q.rows(), q.columns());
      dk = new Sums(q.rows(), q.columns());
      dv = new Sums(q.rows(), q.columns());
    }

    private static double dot(Matrix a, int i, Matrix b, int j, boolean magnitudes) {
      double sum = 0;
      for (int c = 0; c < a.columns(); c++) {
        double product = (double) at(a, i, c) * at(b, j, c);
        sum += magnitudes ? Math.abs(product) : product;
      }
      return sum;
    }

    void compute() {
      double scaling = 1 / Math.sqrt(q.columns());
      double largestScore = 0;
      for (int i = 0; i < q.rows(); i++) {
        double[] p = new double[i + 1];
        double sum = 0;
        for (int j = 0; j <= i; j++) {
          largestScore = Math.max(largestScore, scaling * dot(q, i, k, j, true));
          p[j] = Math.exp(scaling * dot(q, i, k, j, false));
          sum += p[j];
        }
        double mean = 0;
        double meanMagnitude = 0;
        for (int j = 0; j <= i; j++) {
          p[j] /= sum;
          mean += p[j] * dot(dOut, i, v, j, false);
          meanMagnitude += p[j] * dot(dOut, i, v, j, true);
        }
        for (int j = 0; j <= i; j++) {
          double dScore = scaling * p[j] * (dot(dOut, i, v, j, false) - mean);
          double magnitude = scaling * p[j] * (dot(dOut, i, v, j, true) + meanMagnitude);
          for (int c = 0; c < q.columns(); c++) {
            out.add(i, c, p[j] * at(v, j, c), p[j] * Math.abs(at(v, j, c)));
            dv.add(j, c, p[j] * at(dOut, i, c), p[j] * Math.abs(at(dOut, i, c)));
            dq.add(i, c, dScore * at(k, j, c), magnitude * Math.abs(at(k, j, c)));
            dk.add(j, c, dScore * at(q, i, c), magnitude * Math.abs(at(q, i, c)));
          }
        }
      }
      // A score is off by HS + 3 roundings of its magnitude, and so is the largest, which is
      // subtracted: twice that, and 2 for the exponential, is the relative error of a weight before
      // it is divided by a sum of as many as rows, which is off as much.
      double weight = 2 * (2 * (q.columns() + 3) * largestScore + 2) + q.rows() + 2;
      out.units = weight + q.rows();
      dv.units = weight + q.rows();
      // A gradient of a weight has HS roundings, the mean of them those of a weight and of a sum.
      dq.units = 2 * weight + q.columns() + 2 * q.rows() + 3;
      dk.units = dq.units;
    }
  }
}
