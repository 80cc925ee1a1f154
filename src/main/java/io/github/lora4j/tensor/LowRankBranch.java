package io.github.lora4j.tensor;

/**
 * The branch that is added to a linear map, {@code factor * (input A) B}.
 *
 * @param input what the branch reads, {@code (..., in)}: the input of the map itself, or that after
 *     dropout
 * @param a A, {@code (in, r)}
 * @param b B, {@code (r, out)}
 * @param factor any number
 */
public record LowRankBranch(Tensor input, Tensor a, Tensor b, float factor) {

  /**
   * Checks that the sizes fit.
   *
   * @throws ShapeMismatchException if they do not
   */
  public LowRankBranch {
    Operands.check(
        input.shape().rank() >= 1
            && a.shape().rank() == 2
            && b.shape().rank() == 2
            && input.shape().columns() == a.shape().dim(0)
            && a.shape().dim(1) == b.shape().dim(0),
        "low-rank branch",
        "(..., in), (in, r) and (r, out)",
        input.shape(),
        a.shape(),
        b.shape());
  }
}
