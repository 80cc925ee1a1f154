package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.kernel.Decompositions.Svd;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RandomizedSvdTest {

  /** Decays as slowly as the spectra of trained weights do. */
  private static final double[] SLOW =
      IntStream.range(0, 80).mapToDouble(i -> 1 / Math.sqrt(1 + i)).toArray();

  private static final Matrix TALL = Matrix.of(KnownSpectrum.matrix(120, 80, SLOW), 120, 80);

  @ParameterizedTest
  @CsvSource({"120,80", "80,120", "80,80"})
  void aSteepSpectrumIsFoundToTheAccuracyOfFloat32(int m, int n) {
    double[] steep = IntStream.range(0, 80).mapToDouble(i -> Math.pow(0.5, i)).toArray();
    Matrix a = Matrix.of(KnownSpectrum.matrix(m, n, steep), m, n);

    Svd svd = RandomizedSvd.of(a, 5, 10, 3, 1);

    assertEquals(5, svd.values().length);
    for (int k = 0; k < 5; k++) {
      // 15 of the samples' columns hold all that is larger than 2^-15; sums of 120 products in
      // float32 are off by some 10 roundings.
      assertEquals(steep[k], svd.values()[k], 20 * KnownSpectrum.U);
      assertEquals(1, Math.abs(along(svd.left(), k)), 1e-4);
      assertEquals(1, Math.abs(along(svd.right(), k)), 1e-4);
      assertEquals(along(svd.left(), k), along(svd.right(), k), 1e-4);
    }
  }

  @Test
  void theErrorComesToTheOptimumWithPowerIterations() {
    double none = error(RandomizedSvd.of(TALL, 16, 4, 0, 3), 16);
    double some = error(RandomizedSvd.of(TALL, 16, 4, 6, 3), 16);

    double optimum = KnownSpectrum.norm(SLOW, 16);
    assertTrue(none > 1.02 * optimum, "without " + none / optimum);
    assertTrue(some < 1.001 * optimum, "with " + some / optimum);
    assertTrue(some > (1 - 1e-5) * optimum, "nothing is better than the best");
  }

  @Test
  void samplesOfTheWholeSpaceGiveAllSingularValues() {
    Svd svd = RandomizedSvd.of(TALL, 80, 1000, 0, 4);
    assertArrayEquals(SLOW, svd.values(), 20 * KnownSpectrum.U * KnownSpectrum.norm(SLOW, 0));
    assertTrue(error(svd, 80) < 1e-5);
  }

  @Test
  void theLargestElementOfEachLeftVectorIsPositive() {
    Svd svd = RandomizedSvd.of(Matrix.of(SmallModels.random(6, 50, 30).data(), 50, 30), 8, 5, 2, 1);
    for (int k = 0; k < 8; k++) {
      float largest = 0;
      for (int i = 0; i < 50; i++) {
        float x = svd.left().data()[svd.left().index(i, k)];
        largest = Math.abs(x) > Math.abs(largest) ? x : largest;
      }
      assertTrue(largest > 0, "vector " + k);
    }
  }

  @Test
  void theBitsAreAFunctionOfTheKey() {
    Svd svd = RandomizedSvd.of(TALL, 6, 4, 1, 7);
    Svd same = RandomizedSvd.of(TALL, 6, 4, 1, 7);
    assertArrayEquals(svd.values(), same.values());
    assertArrayEquals(svd.left().data(), same.left().data());
    assertArrayEquals(svd.right().data(), same.right().data());
    assertFalse(Arrays.equals(svd.values(), RandomizedSvd.of(TALL, 6, 4, 1, 8).values()));
  }

  @ParameterizedTest
  @CsvSource({"0,1,1", "81,1,1", "4,-1,1", "4,1,-1"})
  void numbersOutOfRangeAreRefused(int rank, int oversampling, int iterations) {
    assertThrows(
        IllegalArgumentException.class,
        () -> RandomizedSvd.of(TALL, rank, oversampling, iterations, 1));
  }

  /** The Frobenius norm of what the approximation misses. */
  private static double error(Svd svd, int rank) {
    double sum = 0;
    for (int i = 0; i < TALL.rows(); i++) {
      for (int j = 0; j < TALL.columns(); j++) {
        double rest = TALL.data()[TALL.index(i, j)];
        for (int k = 0; k < rank; k++) {
          rest -=
              svd.values()[k]
                  * svd.left().data()[svd.left().index(i, k)]
                  * svd.right().data()[svd.right().index(j, k)];
        }
        sum += rest * rest;
      }
    }
    return Math.sqrt(sum);
  }

  private static double along(Matrix a, int k) {
    double sum = 0;
    for (int i = 0; i < a.rows(); i++) {
      sum += a.data()[a.index(i, k)] * KnownSpectrum.cosine(a.rows(), i, k);
    }
    return sum;
  }
}
