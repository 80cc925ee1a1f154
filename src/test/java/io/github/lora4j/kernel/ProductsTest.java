package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.assertRestUntouched;
import static io.github.lora4j.kernel.KernelsUnderTest.at;
import static io.github.lora4j.kernel.KernelsUnderTest.copy;
import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.fill;
import static io.github.lora4j.kernel.KernelsUnderTest.gamma;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Matrix products of both kernels against double precision, on sizes that fit no block. */
class ProductsTest {

  private static final int[] SIZES = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 97, 131};

  private final int threadsBefore = Parallel.threads();

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void productsOfAwkwardSizesAreRight(Kernels kernels) {
    int trial = 0;
    for (int m : SIZES) {
      for (int k : SIZES) {
        for (int n : SIZES) {
          trial++;
          boolean[] choice = choices(trial);
          Matrix a = somewhere(m, k, choice[0], 3L * trial);
          Matrix b = somewhere(k, n, choice[1], 3L * trial + 1);
          Matrix c = somewhere(m, n, choice[2], 3L * trial + 2);
          float alpha = choice[4] ? 1 : -0.7f;
          if (!choice[3]) {
            fill(c, Float.NaN); // what is overwritten may hold anything
          }
          Matrix start = copy(c);
          kernels.multiply(a, b, alpha, c, choice[3]);
          assertProduct(a, b, alpha, choice[3] ? start : null, c);
          assertRestUntouched(start, c);
        }
      }
    }
  }

  /** Five independent bits that go through all combinations. */
  private static boolean[] choices(int trial) {
    int bits = trial * 0x9E3779B1 >>> 27;
    boolean[] choice = new boolean[5];
    for (int i = 0; i < 5; i++) {
      choice[i] = (bits >> i & 1) == 1;
    }
    return choice;
  }

  private static void assertProduct(Matrix a, Matrix b, float alpha, Matrix start, Matrix c) {
    DoubleSum sum = new DoubleSum(c.rows(), c.columns()).plusProduct(a, b, alpha);
    if (start != null) {
      sum.plus(start);
    }
    sum.assertClose(c, a.columns() + 2);
  }

  /** The gate that all products pass must fail for the smallest faults that matter. */
  @ParameterizedTest
  @MethodSource("kernels")
  void aWrongProductWouldBeSeen(Kernels kernels) {
    Matrix a = somewhere(20, 30, false, 1);
    Matrix b = somewhere(30, 40, false, 2);
    Matrix c = somewhere(20, 40, false, 3);
    kernels.multiply(a, b, 1, c, false);
    assertProduct(a, b, 1, null, c);
    assertThrows(AssertionError.class, () -> assertProduct(a, b, 1.001f, null, c));
    assertThrows(AssertionError.class, () -> assertProduct(a, b, 1, copy(c), c));
    c.data()[c.index(19, 39)] += 1e-4f;
    assertThrows(AssertionError.class, () -> assertProduct(a, b, 1, null, c));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void linearAndItsGradientAreRight(Kernels kernels) {
    int trial = 0;
    for (int m : new int[] {1, 2, 11, 12, 13, 50, 121}) {
      for (int in : SIZES) {
        for (int out : SIZES) {
          trial++;
          boolean[] choice = choices(trial);
          Matrix w = somewhere(out, in, choice[0], 5L * trial);
          PackedMatrix packed = kernels.pack(w);
          assertEquals(out, packed.rows());
          assertEquals(in, packed.columns());
          Matrix x = somewhere(m, in, choice[1], 5L * trial + 1);
          Matrix y = somewhere(m, out, false, 5L * trial + 2);
          Matrix dy = somewhere(m, out, choice[2], 5L * trial + 3);
          Matrix dx = somewhere(m, in, false, 5L * trial + 4);
          float[] bias = choice[3] ? uniform(out, 1, trial) : null;
          fill(y, Float.NaN);
          Matrix yBefore = copy(y);
          kernels.linear(x, packed, bias, y);
          Matrix biasRows = bias == null ? null : new Matrix(rows(bias, m), 0, m, out, out, 1);
          assertProduct(x, w.transpose(), 1, biasRows, y);
          assertRestUntouched(yBefore, y);
          if (!choice[4]) {
            fill(dx, Float.NaN);
          }
          Matrix dxBefore = copy(dx);
          kernels.linearBackward(dy, packed, dx, choice[4]);
          assertProduct(dy, w, 1, choice[4] ? dxBefore : null, dx);
          assertRestUntouched(dxBefore, dx);
        }
      }
    }
  }

  private static float[] rows(float[] row, int count) {
    float[] all = new float[row.length * count];
    for (int i = 0; i < count; i++) {
      System.arraycopy(row, 0, all, i * row.length, row.length);
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void productsDeeperAndWiderThanAnyBlockAreRight(Kernels kernels) {
    int[][] shapes = {
      {13, 5000, 33}, {250, 1700, 70}, {3, 20, 9001}, {2001, 33, 17}, {245, 129, 900}
    };
    for (int[] shape : shapes) {
      for (int turned = 0; turned < 4; turned++) {
        Matrix a = somewhere(shape[0], shape[1], (turned & 1) == 1, 1);
        Matrix b = somewhere(shape[1], shape[2], (turned & 2) == 2, 2);
        Matrix c = somewhere(shape[0], shape[2], false, 3);
        kernels.multiply(a, b, 0.5f, c, false);
        assertProduct(a, b, 0.5f, null, c);
        Matrix sum = somewhere(shape[0], shape[2], true, 8);
        Matrix start = copy(sum);
        kernels.multiply(a, b, 0.5f, sum, true);
        assertProduct(a, b, 0.5f, start, sum);
        assertRestUntouched(start, sum);
      }
      Matrix w = somewhere(shape[2], shape[1], false, 4);
      PackedMatrix packed = kernels.pack(w);
      Matrix x = somewhere(shape[0], shape[1], false, 5);
      Matrix y = somewhere(shape[0], shape[2], false, 6);
      kernels.linear(x, packed, null, y);
      assertProduct(x, w.transpose(), 1, null, y);
      Matrix dx = somewhere(shape[0], shape[1], false, 7);
      kernels.linearBackward(y, packed, dx, false);
      assertProduct(y, w, 1, null, dx);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void anElementDependsOnItsRowAndColumnAlone(Kernels kernels) {
    int m = 200;
    int k = 1000;
    int n = 150;
    Matrix a = somewhere(m, k, false, 1);
    Matrix b = somewhere(k, n, false, 2);
    PackedMatrix w = kernels.pack(b.transpose());
    PackedMatrix turned = kernels.pack(b);
    Parallel.setThreads(1);
    float[] whole = multiply(kernels, a, b);
    for (int threads : new int[] {1, 2, 3, 8}) {
      Parallel.setThreads(threads);
      assertArrayEquals(whole, multiply(kernels, a, b));
      for (int[] part :
          new int[][] {{0, 1, 0, 1}, {3, 5, 7, 20}, {17, 90, 100, 50}, {0, 200, 33, 64}}) {
        Matrix rows = a.rows(part[0], part[1]);
        Matrix columns = b.columns(part[2], part[3]);
        Matrix expected = Matrix.of(whole, m, n).block(part[0], part[1], part[2], part[3]);
        assertArrayEquals(elements(expected), multiply(kernels, rows, columns));
        assertArrayEquals(
            elements(expected), multiply(kernels, turnedCopy(rows), turnedCopy(columns)));
        Matrix result = Matrix.of(new float[part[1] * n], part[1], n);
        Matrix expectedRows = Matrix.of(whole, m, n).rows(part[0], part[1]);
        kernels.linear(rows, w, null, result);
        assertArrayEquals(elements(expectedRows), result.data(), "linear");
        kernels.linearBackward(rows, turned, result, false);
        assertArrayEquals(elements(expectedRows), result.data(), "linearBackward");
      }
    }
  }

  private static float[] multiply(Kernels kernels, Matrix a, Matrix b) {
    float[] c = new float[a.rows() * b.columns()];
    kernels.multiply(a, b, 1, Matrix.of(c, a.rows(), b.columns()), false);
    return c;
  }

  /** The same matrix, its columns consecutive in memory. */
  private static Matrix turnedCopy(Matrix m) {
    return Matrix.of(elements(m.transpose()), m.columns(), m.rows()).transpose();
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void notANumberAndInfinitySpreadToWhatDependsOnThem(Kernels kernels) {
    for (boolean turned : new boolean[] {false, true}) {
      Matrix a = somewhere(50, 40, turned, 1);
      Matrix b = somewhere(40, 70, !turned, 2);
      a.data()[a.index(13, 5)] = Float.NaN;
      b.data()[b.index(39, 69)] = Float.POSITIVE_INFINITY;
      Matrix c = Matrix.of(new float[50 * 70], 50, 70);
      kernels.multiply(a, b, 1, c, false);
      assertSpread(c);
      Arrays.fill(c.data(), 0);
      kernels.linear(a, kernels.pack(b.transpose()), null, c);
      assertSpread(c);
      Arrays.fill(c.data(), 0);
      kernels.linearBackward(a, kernels.pack(b), c, false);
      assertSpread(c);
    }
  }

  private static void assertSpread(Matrix c) {
    for (int i = 0; i < c.rows(); i++) {
      for (int j = 0; j < c.columns(); j++) {
        float value = at(c, i, j);
        boolean right =
            i == 13
                ? Float.isNaN(value)
                : j == 69 ? Float.isInfinite(value) : Float.isFinite(value);
        assertTrue(right, "element (%d, %d) is %s".formatted(i, j, value));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theInputsStayAsTheyAre(Kernels kernels) {
    Matrix a = somewhere(37, 50, true, 1);
    Matrix b = somewhere(50, 45, true, 2);
    float[] aBefore = a.data().clone();
    float[] bBefore = b.data().clone();
    kernels.multiply(a, b, 3, somewhere(37, 45, false, 3), true);
    assertArrayEquals(aBefore, a.data());
    assertArrayEquals(bBefore, b.data());
  }

  @Test
  void theKernelsAgreeWithinRounding() {
    Matrix a = somewhere(37, 123, false, 1);
    Matrix b = somewhere(123, 45, true, 2);
    float[][] results = kernels().map(kernels -> multiply(kernels, a, b)).toArray(float[][]::new);
    for (float[] result : results) {
      for (int i = 0; i < result.length; i++) {
        assertEquals(results[0][i], result[i], 2 * gamma(124) * 123);
      }
    }
  }
}
