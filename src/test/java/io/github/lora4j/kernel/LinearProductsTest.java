package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.at;
import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The linear map with bias, addend and low-rank product, and its gradient, on sizes at every edge
 * of the tiles and blocks: 6 or 12 rows and 8, 16 or 32 columns of a tile, 48 rows of a block, a
 * block of 768 of the inner dimension, 16 MiB of panels that are made at a time.
 */
class LinearProductsTest {

  private static final int[] RANKS = {-1, 1, 4, 16, 17, 64, 0, 400};

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  private int trials;

  /** The next trial, with another rank than the one before, in numbers of any kind and exactly. */
  private void check(Kernels kernels, int m, int in, int out) {
    trials++;
    int rank = RANKS[trials % RANKS.length];
    LinearCase operands = LinearCase.of(m, in, out, rank, trials % 3 == 0, trials);
    try {
      operands.check(kernels);
    } catch (AssertionError e) {
      throw new AssertionError(
          "(%d, %d) to (%d, %d), rank %d, trial %d".formatted(m, in, m, out, rank, trials), e);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void sizesAtTheEdgesOfTilesAreRight(Kernels kernels) {
    for (int m : new int[] {1, 5, 6, 7, 8, 9, 11, 12, 13, 31, 33}) {
      for (int in : new int[] {1, 2, 5, 6, 7, 11, 12, 13}) {
        for (int out : new int[] {1, 7, 8, 9, 15, 16, 17, 31, 32, 33}) {
          check(kernels, m, in, out);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void sizesAtTheEdgesOfBlocksAreRight(Kernels kernels) {
    for (int depth : new int[] {384, 767, 768, 769, 1600}) {
      for (int rows : new int[] {1, 47, 48, 49, 97}) {
        check(kernels, rows, depth, 33);
        check(kernels, 33, rows, depth);
        check(kernels, rows, depth, 7);
        check(kernels, 5, rows, depth);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void anyNumberOfTokensIsRight(Kernels kernels) {
    for (int tokens : new int[] {63, 64, 65, 128, 129, 255, 256, 257, 520}) {
      check(kernels, tokens, 13, 70);
      check(kernels, tokens, 121, 9);
      check(kernels, tokens, 6, 385);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void weightsWhosePanelsAreMadeInSeveralGoesAreRight(Kernels kernels) {
    check(kernels, 2, 1100, 4200);
    check(kernels, 13, 4200, 1100);
  }

  /** Wide enough that the columns of the result are shared between threads. */
  @ParameterizedTest
  @MethodSource("kernels")
  void resultsWiderThanAShareOfThemAreRight(Kernels kernels) {
    check(kernels, 7, 30, 2001);
    check(kernels, 130, 30, 1100);
    check(kernels, 7, 2001, 30);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void eachOfTheRanksIsRightWithAndWithoutAccumulation(Kernels kernels) {
    int accumulating = 0;
    int complete = 0;
    for (int rank : RANKS) {
      for (int seed = 1; seed <= 16; seed++) {
        LinearCase operands = LinearCase.of(14, 40, 35, rank, false, 1000 * rank + seed);
        operands.check(kernels);
        accumulating += operands.accumulate() ? 1 : 0;
        complete += operands.bias() != null && operands.addend() != null ? 1 : 0;
      }
    }
    assertTrue(accumulating > 20 && accumulating < 108, "a choice that is none");
    assertTrue(complete > 10, "bias and addend together");
  }

  /** The gate that all results pass must fail for the smallest faults that matter. */
  @ParameterizedTest
  @MethodSource("kernels")
  void aWrongResultWouldBeSeen(Kernels kernels) {
    LinearCase right = withAll();
    float[] bias = right.bias();
    Matrix addend = right.addend();
    PackedMatrix packed = right.packed(kernels, WeightFormat.FLOAT32);
    Matrix y = right.linear(kernels, packed);
    right.checkLinear(y);
    LowRank branch = right.forwardBranch();
    assertSeen(() -> with(right, null, addend, branch).checkLinear(y));
    assertSeen(() -> with(right, bias, null, branch).checkLinear(y));
    for (LowRank wrong : wrong(branch)) {
      assertSeen(() -> with(right, bias, addend, wrong).checkLinear(y));
    }
    y.data()[y.index(13, 34)] += 1e-4f;
    assertSeen(() -> right.checkLinear(y));
    Matrix dx = right.linearBackward(kernels, packed);
    right.checkLinearBackward(dx);
    LowRank backward = right.backwardBranch();
    assertSeen(() -> with(right, backward, false).checkLinearBackward(dx));
    for (LowRank wrong : wrong(backward)) {
      assertSeen(() -> with(right, wrong, true).checkLinearBackward(dx));
    }
    dx.data()[dx.index(13, 39)] = Float.NaN;
    assertSeen(() -> right.checkLinearBackward(dx));
  }

  private static void assertSeen(Executable check) {
    assertThrows(AssertionError.class, check);
  }

  /** None, another factor, one rank less. */
  private static List<LowRank> wrong(LowRank branch) {
    int rank = branch.hidden().columns() - 1;
    Matrix left = branch.hidden().columns(0, rank);
    Matrix right = branch.second().rows(0, rank);
    return Arrays.asList(
        null,
        new LowRank(branch.hidden(), branch.second(), 1.001f * branch.factor()),
        new LowRank(left, right, branch.factor()));
  }

  /** A case with all that can be added. */
  private static LinearCase withAll() {
    for (int seed = 1; ; seed++) {
      LinearCase drawn = LinearCase.of(14, 40, 35, 4, false, seed);
      if (drawn.bias() != null && drawn.addend() != null && drawn.accumulate()) {
        return drawn;
      }
    }
  }

  private static LinearCase with(LinearCase c, float[] bias, Matrix addend, LowRank branch) {
    return new LinearCase(
        c.weight(), c.x(), bias, addend, branch, c.y(), c.dy(), null, c.dx(), false, false);
  }

  private static LinearCase with(LinearCase c, LowRank branch, boolean accumulate) {
    return new LinearCase(
        c.weight(), c.x(), null, null, null, c.y(), c.dy(), branch, c.dx(), accumulate, false);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void notANumberSpreadsToItsRowAlone(Kernels kernels) {
    for (int row : new int[] {0, 13}) {
      LinearCase drawn = withAll();
      PackedMatrix packed = drawn.packed(kernels, WeightFormat.FLOAT32);
      LowRank branch = drawn.forwardBranch();
      branch.hidden().data()[branch.hidden().index(row, 3)] = Float.NaN;
      assertRowOfNoNumbers(row, drawn.linear(kernels, packed));
      LowRank backward = drawn.backwardBranch();
      backward.hidden().data()[backward.hidden().index(row, 0)] = Float.NaN;
      assertRowOfNoNumbers(row, drawn.linearBackward(kernels, packed));
    }
  }

  private static void assertRowOfNoNumbers(int row, Matrix result) {
    for (int i = 0; i < result.rows(); i++) {
      for (int j = 0; j < result.columns(); j++) {
        assertEquals(i == row, Float.isNaN(at(result, i, j)), "element (%d, %d)".formatted(i, j));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void withoutInputsOnlyWhatIsAddedStays(Kernels kernels) {
    float[] bias = {1, 2, 3};
    Matrix addend = Matrix.of(new float[] {10, 20, 30, 40, 50, 60}, 2, 3);
    LowRank branch =
        new LowRank(
            Matrix.of(new float[] {1, 2}, 2, 1), Matrix.of(new float[] {100, 200, 300}, 1, 3), 2);
    Matrix y = somewhere(2, 3, false, 1);
    PackedMatrix noInputs = kernels.pack(zeros(3, 0));
    kernels.linear(zeros(2, 0), noInputs, bias, addend, branch, y);
    assertArrayEquals(new float[] {211, 422, 633, 441, 852, 1263}, elements(y));
    kernels.linear(zeros(2, 0), noInputs, null, null, branch, y);
    assertArrayEquals(new float[] {200, 400, 600, 400, 800, 1200}, elements(y));
    PackedMatrix noOutputs = kernels.pack(zeros(0, 3));
    kernels.linearBackward(zeros(2, 0), noOutputs, branch, y, true);
    assertArrayEquals(new float[] {400, 800, 1200, 800, 1600, 2400}, elements(y));
    kernels.linearBackward(zeros(2, 0), noOutputs, branch, y, false);
    assertArrayEquals(new float[] {200, 400, 600, 400, 800, 1200}, elements(y));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void withoutRowsOrColumnsNothingIsWritten(Kernels kernels) {
    for (int[] size : new int[][] {{0, 5, 3}, {0, 0, 3}, {3, 5, 0}, {0, 5, 0}, {0, 0, 0}}) {
      for (int rank : RANKS) {
        LinearCase.of(size[0], size[1], size[2], rank, false, 7).check(kernels);
        LinearCase.of(size[0], size[2], size[1], rank, false, 8).check(kernels);
      }
    }
  }

  private static Matrix zeros(int rows, int columns) {
    return Matrix.of(new float[rows * columns], rows, columns);
  }

  private static LowRank branch(int m, int rank, int n) {
    return new LowRank(zeros(m, rank), zeros(rank, n), 1);
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void lowRankProductsThatHaveNoInnerSizeAreRefused() {
    assertRefused(
        "low rank: inner dimensions differ, got (4, 3) x (2, 5)",
        () -> new LowRank(zeros(4, 3), zeros(2, 5), 1));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void whatDoesNotFitIsNotAdded(Kernels kernels) {
    PackedMatrix weight = kernels.pack(somewhere(5, 2, false, 1));
    Matrix x = somewhere(3, 2, false, 2);
    Matrix y = somewhere(3, 5, false, 3);
    Matrix dx = somewhere(3, 2, false, 4);
    float[] yBefore = y.data().clone();
    float[] dxBefore = dx.data().clone();
    assertRefused(
        "linear: an addend of (3, 5) expected, got (3, 4)",
        () -> kernels.linear(x, weight, null, zeros(3, 4), null, y));
    assertRefused(
        "linear: an addend of (3, 5) expected, got (2, 5)",
        () -> kernels.linear(x, weight, null, zeros(2, 5), null, y));
    assertRefused(
        "linear: a result with consecutive elements in a row expected, got column stride 3",
        () -> kernels.linear(x, weight, null, zeros(5, 3).transpose(), null, y));
    assertRefused(
        "linear: a low-rank product of (3, 5) expected, got (3, 4) x (4, 6)",
        () -> kernels.linear(x, weight, null, null, branch(3, 4, 6), y));
    assertRefused(
        "linear: a low-rank product of (3, 5) expected, got (2, 1) x (1, 5)",
        () -> kernels.linear(x, weight, new float[5], zeros(3, 5), branch(2, 1, 5), y));
    assertRefused(
        "linearBackward: a low-rank product of (3, 2) expected, got (3, 4) x (4, 5)",
        () -> kernels.linearBackward(zeros(3, 5), weight, branch(3, 4, 5), dx, false));
    assertRefused(
        "linearBackward: a low-rank product of (3, 2) expected, got (4, 4) x (4, 2)",
        () -> kernels.linearBackward(zeros(3, 5), weight, branch(4, 4, 2), dx, true));
    assertArrayEquals(yBefore, y.data());
    assertArrayEquals(dxBefore, dx.data());
  }
}
