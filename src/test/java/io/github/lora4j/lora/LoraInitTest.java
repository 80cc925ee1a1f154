package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.kernel.Decompositions;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Statistical bounds are five standard deviations of what is measured. */
class LoraInitTest {

  @ParameterizedTest
  @EnumSource(value = LoraInit.class, mode = EnumSource.Mode.EXCLUDE, names = "PISSA")
  void theSameKeyGivesTheSameBits(LoraInit init) {
    assertArrayEquals(a(init, 3, 20, 6), a(init, 3, 20, 6));
    assertArrayEquals(b(init, 3, 6, 10), b(init, 3, 6, 10));
    assertFalse(Arrays.equals(a(init, 3, 20, 6), a(init, 4, 20, 6)));
  }

  @ParameterizedTest
  @EnumSource(
      value = LoraInit.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"ORTHOGONAL", "PISSA"})
  void bStartsAtZero(LoraInit init) {
    float[] b = {1, 2, 3, 4, 5, 6};
    init.fillB(3, 2, 3, b);
    assertArrayEquals(new float[6], b);
  }

  /** Of a standard normal number z: var(z^2) = 2, var(z^4) = 96. */
  @ParameterizedTest
  @ValueSource(ints = {4, 16})
  void gaussianHasTheStandardDeviationOneOverRank(int rank) {
    float[] a = a(LoraInit.GAUSSIAN, 9, 20_000, rank);
    double rootN = Math.sqrt(a.length);
    double[] moments = new double[5];
    for (float x : a) {
      double z = (double) x * rank;
      moments[1] += z / a.length;
      moments[2] += z * z / a.length;
      moments[4] += z * z * z * z / a.length;
    }
    assertEquals(0, moments[1], 5 / rootN);
    assertEquals(1, moments[2], 5 * Math.sqrt(2) / rootN);
    assertEquals(3, moments[4], 5 * Math.sqrt(96) / rootN);
  }

  /**
   * With u = 2^-24: rows of Q that were rounded to float32 are orthogonal to 2 u, the r/2 x r/2
   * products of rows together to r u in the Frobenius norm; rounding A and B adds 2 u. Both act on
   * vectors of the length of a row of A and of a column of B.
   */
  @ParameterizedTest
  @CsvSource({"2,30,20", "8,64,40", "16,100,1", "64,80,90"})
  void orthogonalAAndBMultiplyToZero(int rank, int in, int out) {
    float[] a = a(LoraInit.ORTHOGONAL, 5, in, rank);
    float[] b = b(LoraInit.ORTHOGONAL, 5, rank, out);
    double largest = 0;
    for (int i = 0; i < in; i++) {
      for (int o = 0; o < out; o++) {
        double product = 0;
        double aa = 0;
        double bb = 0;
        for (int r = 0; r < rank; r++) {
          double x = a[i * rank + r];
          double y = b[r * out + o];
          product += x * y;
          aa += x * x;
          bb += y * y;
        }
        assertTrue(aa > 0 && bb > 0, "neither is zero");
        double bound = 1.01 * (rank + 2) * KnownSpectrum.U * Math.sqrt(aa * bb);
        assertEquals(0, product, bound, i + ", " + o);
        largest = Math.max(largest, Math.sqrt(aa * bb));
      }
    }
    assertTrue(largest > 0.01 * rank / 4, "the bound is not met by smallness: " + largest);
  }

  /** As of PEFT: each spans one half of the inner space, the two halves are orthogonal. */
  @Test
  void orthogonalAAndBSpanHalfOfTheInnerSpaceEach() {
    int rank = 10;
    float[] a = a(LoraInit.ORTHOGONAL, 6, 200, rank);
    float[] b = b(LoraInit.ORTHOGONAL, 6, rank, 300);
    double[] ofA = Decompositions.svd(Matrix.of(a, 200, rank)).values();
    double[] ofB = Decompositions.svd(Matrix.of(b, rank, 300)).values();
    float[] both = new float[500 * rank];
    System.arraycopy(a, 0, both, 0, a.length);
    for (int o = 0; o < 300; o++) {
      for (int r = 0; r < rank; r++) {
        both[(200 + o) * rank + r] = b[r * 300 + o];
      }
    }
    double[] ofBoth = Decompositions.svd(Matrix.of(both, 500, rank)).values();
    // Singular values of n x 5 normal numbers times 1/10 lie within (sqrt(n) +- sqrt(5) +- 5) / 10.
    assertTrue(ofA[4] > 0.6 && ofA[0] < 2.2, Arrays.toString(ofA));
    assertTrue(ofB[4] > 0.9 && ofB[0] < 2.5, Arrays.toString(ofB));
    assertEquals(0, ofA[5], 1e-5);
    assertEquals(0, ofB[5], 1e-5);
    assertTrue(ofBoth[9] > 0.6, "together they span all: " + Arrays.toString(ofBoth));
  }

  /**
   * An element of A is a sum over half a basis: its variance is the squared length of half a column
   * of Q over 100, on average 1/200; so many of them are independent as X has, half as many.
   */
  @Test
  void orthogonalHasTheScaleOfPeft() {
    int rank = 8;
    float[] a = a(LoraInit.ORTHOGONAL, 7, 20_000, rank);
    float[] b = b(LoraInit.ORTHOGONAL, 7, rank, 20_000);
    for (float[] values : new float[][] {a, b}) {
      double squares = 0;
      for (float v : values) {
        squares += (double) v * v;
      }
      double independent = 20_000 * rank / 2.0;
      assertEquals(0.01, squares / independent, 0.01 * 5 * Math.sqrt(2 / independent));
    }
  }

  @Test
  void orthogonalRefusesAnOddRank() {
    float[] values = new float[15];
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> LoraInit.ORTHOGONAL.fill(1, 5, 3, values))
            .getMessage();
    assertEquals("lora: an even rank expected for the orthogonal init, got 3 (2 or 4)", message);
    assertThrows(IllegalArgumentException.class, () -> LoraInit.ORTHOGONAL.fillB(1, 3, 5, values));
  }

  private static float[] a(LoraInit init, long key, int in, int rank) {
    float[] a = new float[in * rank];
    init.fill(key, in, rank, a);
    return a;
  }

  private static float[] b(LoraInit init, long key, int rank, int out) {
    float[] b = new float[rank * out];
    init.fillB(key, rank, out, b);
    return b;
  }
}
