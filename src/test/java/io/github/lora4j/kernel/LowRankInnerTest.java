package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The inner part of a low-rank product that is computed along with the linear map has the bits of
 * the product alone, and so has the result.
 */
class LowRankInnerTest {

  private static final int[][] SIZES = {
    {1, 5, 9},
    {13, 40, 35},
    {100, 800, 33},
    {40, 33, 1100},
    {250, 12, 7},
    {3, 1100, 4200},
    {4, 0, 3},
    {4, 3, 0}
  };

  private final int threadsBefore = Parallel.threads();

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  /** Computes into a result and an inner part that hold something else before. */
  private interface Product {
    void run(LowRank added, Matrix result);
  }

  private static void check(Kernels kernels, Matrix operand, Matrix result, int rank, Product f) {
    Matrix first = somewhere(operand.columns(), rank, rank % 2 == 1, 5);
    Matrix second = somewhere(rank, result.columns(), rank % 2 == 0, 6);
    Matrix alone = Matrix.of(new float[operand.rows() * rank], operand.rows(), rank);
    kernels.multiply(operand, first, 1, alone, false);
    Matrix expected = copy(result);
    f.run(new LowRank(alone, second, 0.3f), expected);
    for (int threads : new int[] {1, 2, 3, 8}) {
      Parallel.setThreads(threads);
      Matrix hidden = somewhere(operand.rows(), rank, false, 7);
      Arrays.fill(hidden.data(), Float.NaN);
      Matrix actual = copy(result);
      f.run(new LowRank(first, hidden, second, 0.3f), actual);
      assertArrayEquals(elements(alone), elements(hidden), "inner part");
      assertArrayEquals(elements(expected), elements(actual), "result");
    }
  }

  private static Matrix copy(Matrix m) {
    return Matrix.of(elements(m), m.rows(), m.columns());
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theInnerPartHasTheBitsOfTheProductAlone(Kernels kernels) {
    for (WeightFormat format : WeightFormat.values()) {
      for (int[] size : SIZES) {
        PackedMatrix weight = kernels.allocate(size[2], size[1], format);
        weight.put(0, 0, somewhere(size[2], size[1], false, 1));
        Matrix x = somewhere(size[0], size[1], false, 2);
        Matrix dy = somewhere(size[0], size[2], false, 3);
        Matrix dx = somewhere(size[0], size[1], false, 4);
        for (int rank : new int[] {1, 8, 16, 17, 64}) {
          check(kernels, x, dy, rank, (r, y) -> kernels.linear(x, weight, null, null, r, y));
          check(kernels, dy, dx, rank, (r, d) -> kernels.linearBackward(dy, weight, r, d, false));
          check(kernels, dy, dx, rank, (r, d) -> kernels.linearBackward(dy, weight, r, d, true));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aFirstOperandThatDoesNotFitIsRefused(Kernels kernels) {
    Matrix m = Matrix.of(new float[12], 3, 4);
    PackedMatrix weight = kernels.pack(m);
    Matrix x = Matrix.of(new float[8], 2, 4);
    Matrix y = Matrix.of(new float[6], 2, 3);
    Matrix hidden = Matrix.of(new float[2], 2, 1);
    LowRank wrong =
        new LowRank(Matrix.of(new float[3], 3, 1), hidden, Matrix.of(new float[3], 1, 3), 1);
    assertEquals(
        "linear: a low-rank product of (2, 4) x (4, r) expected, got a first operand of (3, 1)",
        assertThrows(
                IllegalArgumentException.class,
                () -> kernels.linear(x, weight, null, null, wrong, y))
            .getMessage());
    assertEquals(
        "low rank: inner dimensions differ, got (4, 2) x (1, 3)",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new LowRank(
                        Matrix.of(new float[8], 4, 2), hidden, Matrix.of(new float[3], 1, 3), 1))
            .getMessage());
  }
}
