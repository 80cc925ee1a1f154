package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The bits of a row of a linear map or of its gradient are the same for any number of threads and
 * of other rows: what the last block of a model needs to compute some of its rows alone.
 */
class RowIndependenceTest {

  private static final int ROWS = 300;
  private static final int IN = 390;
  private static final int OUT = 401;
  private static final int RANK = 17;

  private final int threadsBefore = Parallel.threads();

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  /** The operands of all rows. */
  private static final class Operands {
    private final Kernels kernels;
    private final Matrix w = somewhere(OUT, IN, false, 1);
    private final Matrix x = somewhere(ROWS, IN, false, 2);
    private final Matrix dy = somewhere(ROWS, OUT, false, 3);
    private final Matrix addend = somewhere(ROWS, OUT, false, 4);
    private final Matrix start = somewhere(ROWS, IN, false, 5);
    private final float[] bias = uniform(OUT, 1, 6);
    private final LowRank forward =
        new LowRank(somewhere(ROWS, RANK, false, 7), somewhere(RANK, OUT, true, 8), 0.3f);
    private final LowRank backward =
        new LowRank(somewhere(ROWS, RANK, true, 9), somewhere(RANK, IN, false, 10), 0.3f);
    private final PackedMatrix packed;

    Operands(Kernels kernels, WeightFormat format) {
      this.kernels = kernels;
      packed = kernels.allocate(OUT, IN, format);
      packed.put(0, 0, w);
    }

    float[] linear(int first, int count) {
      Matrix y = Matrix.of(new float[count * OUT], count, OUT);
      LowRank branch = rows(forward, first, count);
      kernels.linear(x.rows(first, count), packed, bias, addend.rows(first, count), branch, y);
      return y.data();
    }

    float[] linearBackward(int first, int count, boolean accumulate) {
      Matrix dx = Matrix.of(elements(start.rows(first, count)), count, IN);
      LowRank branch = rows(backward, first, count);
      kernels.linearBackward(dy.rows(first, count), packed, branch, dx, accumulate);
      return dx.data();
    }

    private static LowRank rows(LowRank branch, int first, int count) {
      return new LowRank(branch.hidden().rows(first, count), branch.second(), branch.factor());
    }

    /** The results of all rows, computed this many rows at a time. */
    List<float[]> inPartsOf(int count) {
      float[] y = new float[ROWS * OUT];
      float[] dx = new float[ROWS * IN];
      float[] added = new float[ROWS * IN];
      for (int first = 0; first < ROWS; first += count) {
        int rows = Math.min(count, ROWS - first);
        System.arraycopy(linear(first, rows), 0, y, first * OUT, rows * OUT);
        System.arraycopy(linearBackward(first, rows, false), 0, dx, first * IN, rows * IN);
        System.arraycopy(linearBackward(first, rows, true), 0, added, first * IN, rows * IN);
      }
      return List.of(y, dx, added);
    }
  }

  private static void assertSameBits(List<float[]> expected, List<float[]> actual, String what) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i), what);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theNumberOfThreadsChangesNoBit(Kernels kernels) {
    for (WeightFormat format : WeightFormat.values()) {
      Operands operands = new Operands(kernels, format);
      Parallel.setThreads(1);
      List<float[]> expected = operands.inPartsOf(ROWS);
      assertResultsSaySomething(expected);
      for (int threads : new int[] {1, 2, 3, 8}) {
        Parallel.setThreads(threads);
        String what = format + ", threads " + threads;
        assertSameBits(expected, operands.inPartsOf(ROWS), what);
        assertSameBits(expected, new Operands(kernels, format).inPartsOf(ROWS), what);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theNumberOfOtherRowsChangesNoBit(Kernels kernels) {
    for (WeightFormat format : WeightFormat.values()) {
      Operands operands = new Operands(kernels, format);
      List<float[]> expected = operands.inPartsOf(ROWS);
      for (int[] parts : new int[][] {{1, 2}, {7, 3}, {32, 1}, {121, 2}, {257, 8}}) {
        Parallel.setThreads(parts[1]);
        assertSameBits(
            expected, operands.inPartsOf(parts[0]), format + ", rows at a time: " + parts[0]);
      }
    }
  }

  private static void assertResultsSaySomething(List<float[]> results) {
    for (float[] result : results) {
      double squares = 0;
      for (float value : result) {
        squares += (double) value * value;
      }
      assertTrue(squares > result.length && squares < 1000.0 * result.length, "" + squares);
    }
  }

  /** The operands are such that another order of the sums gives other bits. */
  @ParameterizedTest
  @MethodSource("kernels")
  void anotherOrderWouldBeSeen(Kernels kernels) {
    Operands operands = new Operands(kernels, WeightFormat.FLOAT32);
    Matrix y = Matrix.of(new float[ROWS * OUT], ROWS, OUT);
    kernels.linear(operands.x, operands.packed, null, y);
    Matrix reversed = Matrix.of(new float[ROWS * OUT], ROWS, OUT);
    PackedMatrix packed = kernels.pack(withReversedColumns(operands.w));
    kernels.linear(withReversedColumns(operands.x), packed, null, reversed);
    int different = 0;
    for (int i = 0; i < y.data().length; i++) {
      assertEquals(y.data()[i], reversed.data()[i], 2 * IN * KernelsUnderTest.gamma(IN));
      different += y.data()[i] == reversed.data()[i] ? 0 : 1;
    }
    assertTrue(different > ROWS * OUT / 2, different + " different elements");
    assertFalse(Arrays.equals(y.data(), operands.linear(0, ROWS)), "bias, addend and branch");
  }

  private static Matrix withReversedColumns(Matrix m) {
    float[] reversed = elements(m);
    for (int i = 0; i < m.rows(); i++) {
      for (int j = 0; j < m.columns(); j++) {
        reversed[i * m.columns() + j] = m.data()[m.index(i, m.columns() - 1 - j)];
      }
    }
    return Matrix.of(reversed, m.rows(), m.columns());
  }
}
