package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.kernel.Decompositions.Qr;
import io.github.lora4j.kernel.Decompositions.Svd;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bounds: u = 2^-24 is what one rounding to float32 costs. The decompositions are exact to 1e-12 or
 * better before their factors are rounded, so a product of two rounded factors with orthonormal
 * columns is off by 2 u times the norms (Cauchy-Schwarz).
 */
class DecompositionsTest {

  private static final double U = KnownSpectrum.U;

  @ParameterizedTest
  @CsvSource({"1,1", "5,5", "7,3", "3,7", "200,26", "33,1", "1,4", "0,3", "3,0"})
  void qIsOrthonormalRIsTriangularAndTheirProductIsTheMatrix(int m, int n) {
    Matrix a = random(m, n, 1);

    Qr qr = Decompositions.qr(a);

    int k = Math.min(m, n);
    assertSizes(m, k, qr.q());
    assertSizes(k, n, qr.r());
    assertOrthonormal(qr.q());
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < m; i++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += (double) at(qr.q(), i, l) * at(qr.r(), l, j);
        }
        assertEquals(at(a, i, j), sum, 2.01 * U * columnNorm(a, j));
      }
      for (int i = j; i < k; i++) {
        assertTrue(i == j ? at(qr.r(), i, j) > 0 : at(qr.r(), i, j) == 0, i + ", " + j);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {0, 1})
  void theColumnsAreOrthonormalWhateverTheRank(float value) {
    float[] data = new float[6 * 4];
    Arrays.fill(data, value);
    Matrix a = Matrix.of(data, 6, 4);

    assertOrthonormal(Decompositions.qr(a).q());

    Svd svd = Decompositions.svd(a);
    assertOrthonormal(svd.left());
    assertOrthonormal(svd.right());
    assertEquals(value * Math.sqrt(24), svd.values()[0], 1e-14);
    assertEquals(0, svd.values()[1], 1e-15);
  }

  @ParameterizedTest
  @CsvSource({"40,12", "12,40", "12,12", "300,12"})
  void singularValuesAndVectorsAreThoseTheMatrixIsMadeOf(int m, int n) {
    double[] values = IntStream.range(0, 12).mapToDouble(i -> Math.pow(3, 2 - i)).toArray();
    Matrix a = Matrix.of(KnownSpectrum.matrix(m, n, values), m, n);
    double rounding = U * KnownSpectrum.norm(values, 0);

    Svd svd = Decompositions.svd(a);

    // A singular value moves by no more than the norm of what is added to a matrix (Weyl).
    assertArrayEquals(values, svd.values(), rounding);
    for (int k = 0; k < 12; k++) {
      // A vector turns by no more than that over the distance to the next value, on either side.
      double bound = 2 * rounding / (k == 11 ? values[k] : values[k] - values[k + 1]) + U;
      assertEquals(1, Math.abs(along(svd.left(), k)), bound);
      assertEquals(1, Math.abs(along(svd.right(), k)), bound);
      assertEquals(along(svd.left(), k), along(svd.right(), k), 2 * bound);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1", "5,5", "90,26", "26,90", "64,64", "33,1", "1,4", "0,3", "3,0"})
  void theProductOfTheThreeFactorsIsTheMatrix(int m, int n) {
    Matrix a = random(m, n, 2);

    Svd svd = Decompositions.svd(a);

    int k = Math.min(m, n);
    assertSizes(m, k, svd.left());
    assertSizes(n, k, svd.right());
    assertEquals(k, svd.values().length);
    assertOrthonormal(svd.left());
    assertOrthonormal(svd.right());
    double[] descending = svd.values().clone();
    Arrays.sort(descending);
    for (int i = 0; i < k; i++) {
      assertTrue(svd.values()[i] >= 0);
      assertEquals(descending[k - 1 - i], svd.values()[i]);
    }
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += svd.values()[l] * at(svd.left(), i, l) * at(svd.right(), j, l);
        }
        assertEquals(at(a, i, j), sum, 2.01 * U * svd.values()[0]);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"30,8", "8,30", "8,8"})
  void theLargestElementOfEachLeftVectorIsPositive(int m, int n) {
    Matrix a = random(m, n, 3);
    Svd svd = Decompositions.svd(a);
    for (int k = 0; k < 8; k++) {
      float largest = 0;
      for (int i = 0; i < m; i++) {
        float x = at(svd.left(), i, k);
        largest = Math.abs(x) > Math.abs(largest) ? x : largest;
      }
      assertTrue(largest > 0, "vector " + k);
    }
  }

  /** Of a symmetric matrix, from its trace and determinant; float32 misses a fifth of it. */
  @Test
  void aSmallSingularValueHasTheAccuracyOfDouble() {
    float epsilon = 0x1p-20f;
    Svd svd = Decompositions.svd(Matrix.of(new float[] {1, 1, 1, 1 + epsilon}, 2, 2));

    double trace = 2 + (double) epsilon;
    double largest = (trace + Math.sqrt(trace * trace - 4 * (double) epsilon)) / 2;
    assertEquals(largest, svd.values()[0], 1e-15);
    assertEquals(epsilon / largest, svd.values()[1], 1e-9 * epsilon);
  }

  @Test
  void equalSingularValuesAreFoundAsOftenAsTheyOccur() {
    float[] identity = new float[25];
    for (int i = 0; i < 5; i++) {
      identity[6 * i] = -3;
    }
    Svd svd = Decompositions.svd(Matrix.of(identity, 5, 5));
    assertArrayEquals(new double[] {3, 3, 3, 3, 3}, svd.values(), 1e-15);

    double[] values = {2, 2, 2, 0.5, 0.5, 0, 0};
    svd = Decompositions.svd(Matrix.of(KnownSpectrum.matrix(20, 7, values), 20, 7));
    assertArrayEquals(values, svd.values(), U * KnownSpectrum.norm(values, 0));
    assertOrthonormal(svd.left());
    assertOrthonormal(svd.right());
  }

  @ParameterizedTest
  @ValueSource(ints = {-100, 90})
  void aPowerOfTwoChangesTheSingularValuesAlone(int exponent) {
    Matrix a = random(20, 6, 4);
    float[] scaled = a.data().clone();
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = Math.scalb(scaled[i], exponent);
    }

    Svd expected = Decompositions.svd(a);
    Svd svd = Decompositions.svd(Matrix.of(scaled, 20, 6));

    assertArrayEquals(expected.left().data(), svd.left().data());
    assertArrayEquals(expected.right().data(), svd.right().data());
    for (int i = 0; i < 6; i++) {
      assertEquals(Math.scalb(expected.values()[i], exponent), svd.values()[i]);
    }
  }

  @Test
  void aViewGivesTheBitsOfItsCopyAndIsNotChanged() {
    Matrix whole = random(9, 14, 5);
    float[] before = whole.data().clone();
    Matrix view = whole.block(1, 4, 2, 11).transpose();
    float[] copy = new float[44];
    for (int i = 0; i < 11; i++) {
      for (int j = 0; j < 4; j++) {
        copy[i * 4 + j] = at(view, i, j);
      }
    }
    Matrix copied = Matrix.of(copy, 11, 4);

    assertArrayEquals(Decompositions.qr(copied).q().data(), Decompositions.qr(view).q().data());
    assertArrayEquals(Decompositions.qr(copied).r().data(), Decompositions.qr(view).r().data());
    Svd expected = Decompositions.svd(copied);
    Svd svd = Decompositions.svd(view);
    assertArrayEquals(expected.left().data(), svd.left().data());
    assertArrayEquals(expected.values(), svd.values());
    assertArrayEquals(expected.right().data(), svd.right().data());
    assertArrayEquals(before, whole.data());
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void elementsThatAreNotFiniteAreRefused(float value) {
    Matrix a = Matrix.of(new float[] {1, 2, 3, 4, value, 6}, 2, 3);
    String message =
        assertThrows(IllegalArgumentException.class, () -> Decompositions.qr(a)).getMessage();
    assertEquals("qr: finite elements expected, got " + value + " at (1, 1)", message);
    assertThrows(IllegalArgumentException.class, () -> Decompositions.svd(a));
  }

  private static Matrix random(int m, int n, long seed) {
    Random random = new Random(seed);
    float[] data = new float[m * n];
    for (int i = 0; i < data.length; i++) {
      data[i] = (float) random.nextGaussian();
    }
    return Matrix.of(data, m, n);
  }

  private static float at(Matrix a, int i, int j) {
    return a.data()[a.index(i, j)];
  }

  private static double columnNorm(Matrix a, int j) {
    double sum = 0;
    for (int i = 0; i < a.rows(); i++) {
      sum += (double) at(a, i, j) * at(a, i, j);
    }
    return Math.sqrt(sum);
  }

  /** The component of column k along the vector k of {@link KnownSpectrum}. */
  private static double along(Matrix a, int k) {
    double sum = 0;
    for (int i = 0; i < a.rows(); i++) {
      sum += at(a, i, k) * KnownSpectrum.cosine(a.rows(), i, k);
    }
    return sum;
  }

  private static void assertSizes(int rows, int columns, Matrix a) {
    assertEquals(rows, a.rows());
    assertEquals(columns, a.columns());
  }

  private static void assertOrthonormal(Matrix a) {
    for (int j = 0; j < a.columns(); j++) {
      for (int k = 0; k <= j; k++) {
        double sum = 0;
        for (int i = 0; i < a.rows(); i++) {
          sum += (double) at(a, i, j) * at(a, i, k);
        }
        assertEquals(j == k ? 1 : 0, sum, 2.01 * U, j + ", " + k);
      }
    }
  }
}
