package io.github.lora4j.kernel;

/**
 * A product that is added to the result of another one while that is still in registers: {@code
 * factor * left right}, the branch of a LoRA layer or its gradient.
 *
 * @param left {@code (m, r)}
 * @param right {@code (r, n)}
 * @param factor multiplied into {@code right}
 */
public record LowRank(Matrix left, Matrix right, float factor) {

  /** Checks that the inner sizes fit. */
  public LowRank {
    if (left.columns() != right.rows()) {
      throw new IllegalArgumentException(
          "low rank: inner dimensions differ, got (%d, %d) x (%d, %d)"
              .formatted(left.rows(), left.columns(), right.rows(), right.columns()));
    }
  }

  /**
   * The product for some consecutive columns of its result.
   *
   * @param first the first column
   * @param count the number of columns
   * @return the product for those columns
   */
  public LowRank columns(int first, int count) {
    return new LowRank(left, right.columns(first, count), factor);
  }
}
