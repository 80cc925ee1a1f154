package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.assertRestUntouched;
import static io.github.lora4j.kernel.KernelsUnderTest.copy;
import static io.github.lora4j.kernel.KernelsUnderTest.fill;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Operands of a linear map with some of what can be added to it, and of its gradient, all views of
 * larger arrays; and what double precision says of the results.
 *
 * @param y takes the result; holds what is not a number
 * @param forwardBranch what is added to the result, or null
 * @param dx takes the gradient; holds numbers if they are added to
 * @param backwardBranch what is added to the gradient, or null
 * @param exact whether all numbers are small integers, so that no sum is rounded
 */
record LinearCase(
    Matrix weight,
    Matrix x,
    float @Nullable [] bias,
    @Nullable Matrix addend,
    @Nullable LowRank forwardBranch,
    Matrix y,
    Matrix dy,
    @Nullable LowRank backwardBranch,
    Matrix dx,
    boolean accumulate,
    boolean exact) {

  /**
   * A case of a size; which of the other operands there are and how they lie is drawn.
   *
   * @param rank that of the low-rank products, or -1 for none
   */
  static LinearCase of(int m, int in, int out, int rank, boolean exact, int seed) {
    int bits = seed * 0x9E3779B1;
    Operands operands = new Operands(exact, 100L * seed);
    boolean accumulate = (bits >>> 31 & 1) == 1;
    Matrix y = operands.matrix(m, out, false);
    Matrix dx = operands.matrix(m, in, false);
    fill(y, Float.NaN); // what is overwritten may hold anything
    if (!accumulate) {
      fill(dx, Float.NaN);
    }
    return new LinearCase(
        operands.matrix(out, in, (bits >>> 30 & 1) == 1),
        operands.matrix(m, in, (bits >>> 29 & 1) == 1),
        (bits >>> 28 & 1) == 1 ? operands.row(out) : null,
        (bits >>> 27 & 1) == 1 ? operands.matrix(m, out, false) : null,
        rank < 0 ? null : operands.branch(m, rank, out, bits >>> 25, 0.5f),
        y,
        operands.matrix(m, out, (bits >>> 24 & 1) == 1),
        rank < 0 ? null : operands.branch(m, rank, in, bits >>> 22, exact ? 2 : 1.7f),
        dx,
        accumulate,
        exact);
  }

  /** Draws operands, one after the other. */
  private static final class Operands {
    private final boolean exact;
    private long seed;

    Operands(boolean exact, long seed) {
      this.exact = exact;
      this.seed = seed;
    }

    Matrix matrix(int rows, int columns, boolean turned) {
      Matrix drawn = somewhere(rows, columns, turned, seed += 2);
      rounded(drawn.data());
      return drawn;
    }

    float[] row(int length) {
      return rounded(uniform(length, 1, seed += 2));
    }

    LowRank branch(int m, int rank, int n, int bits, float factor) {
      return new LowRank(
          matrix(m, rank, (bits & 1) == 1), matrix(rank, n, (bits & 2) == 2), factor);
    }

    private float[] rounded(float[] numbers) {
      for (int i = 0; exact && i < numbers.length; i++) {
        numbers[i] = Math.round(4 * numbers[i]);
      }
      return numbers;
    }
  }

  /** The weight as these kernels hold it. */
  PackedMatrix packed(Kernels kernels, WeightFormat format) {
    PackedMatrix packed = kernels.allocate(weight.rows(), weight.columns(), format);
    packed.put(0, 0, weight);
    return packed;
  }

  /** The result of the linear map. */
  Matrix linear(Kernels kernels, PackedMatrix packed) {
    Matrix result = copy(y);
    kernels.linear(x, packed, bias, addend, forwardBranch, result);
    return result;
  }

  /** The gradient. */
  Matrix linearBackward(Kernels kernels, PackedMatrix packed) {
    Matrix result = copy(dx);
    kernels.linearBackward(dy, packed, backwardBranch, result, accumulate);
    return result;
  }

  /** Computes both, and compares them with double precision and all else with what it was. */
  void check(Kernels kernels) {
    List<float[]> operands = arrays();
    List<float[]> before = operands.stream().map(float[]::clone).toList();
    PackedMatrix packed = packed(kernels, WeightFormat.FLOAT32);
    Matrix result = linear(kernels, packed);
    checkLinear(result);
    assertRestUntouched(y, result);
    Matrix gradient = linearBackward(kernels, packed);
    checkLinearBackward(gradient);
    assertRestUntouched(dx, gradient);
    for (int i = 0; i < operands.size(); i++) {
      assertArrayEquals(before.get(i), operands.get(i), "an operand");
    }
  }

  private List<float[]> arrays() {
    List<float[]> arrays = new ArrayList<>(List.of(weight.data(), x.data(), dy.data()));
    if (bias != null) {
      arrays.add(bias);
    }
    if (addend != null) {
      arrays.add(addend.data());
    }
    for (LowRank branch : new LowRank[] {forwardBranch, backwardBranch}) {
      if (branch != null) {
        arrays.addAll(List.of(branch.hidden().data(), branch.second().data()));
      }
    }
    return arrays;
  }

  void checkLinear(Matrix result) {
    linearInDoubles().assertClose(result, roundings(x.columns(), forwardBranch));
  }

  void checkLinearBackward(Matrix gradient) {
    gradientInDoubles().assertClose(gradient, roundings(dy.columns(), backwardBranch));
  }

  /** How far the results are from double precision, as a share of what is allowed. */
  double worst(Kernels kernels, PackedMatrix packed) {
    return Math.max(
        linearInDoubles().worst(linear(kernels, packed), roundings(x.columns(), forwardBranch)),
        gradientInDoubles()
            .worst(linearBackward(kernels, packed), roundings(dy.columns(), backwardBranch)));
  }

  /**
   * The most roundings of a term: one in each sum that comes after it, one or two when it becomes a
   * product (the factor of a low-rank one), one in the sum of addend and bias.
   */
  private int roundings(int depth, @Nullable LowRank branch) {
    return exact ? 0 : depth + (branch == null ? 0 : branch.hidden().columns()) + 3;
  }

  private DoubleSum linearInDoubles() {
    DoubleSum sum = new DoubleSum(y.rows(), y.columns()).plusProduct(x, weight.transpose(), 1);
    if (bias != null) {
      sum.plusToEachRow(bias);
    }
    if (addend != null) {
      sum.plus(addend);
    }
    return plusBranch(sum, forwardBranch);
  }

  private DoubleSum gradientInDoubles() {
    DoubleSum sum = new DoubleSum(dx.rows(), dx.columns()).plusProduct(dy, weight, 1);
    return plusBranch(accumulate ? sum.plus(dx) : sum, backwardBranch);
  }

  private static DoubleSum plusBranch(DoubleSum sum, @Nullable LowRank branch) {
    return branch == null
        ? sum
        : sum.plusProduct(branch.hidden(), branch.second(), branch.factor());
  }
}
