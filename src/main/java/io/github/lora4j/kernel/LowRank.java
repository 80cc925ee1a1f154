package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/**
 * A product of low rank that is added to the product of an operand x with a weight while that is
 * still in registers, {@code factor * hidden second} with {@code hidden = x first}: the branch of a
 * LoRA layer, or the gradient of its input.
 *
 * @param first {@code (k, r)}, or null if {@code hidden} holds its product with x, or anything
 *     else, already
 * @param hidden {@code (m, r)}; overwritten, unless {@code first} is null
 * @param second {@code (r, n)}
 * @param factor multiplied into {@code second}
 */
public record LowRank(@Nullable Matrix first, Matrix hidden, Matrix second, float factor) {

  /** Checks that the inner sizes fit. */
  public LowRank {
    if (hidden.columns() != second.rows()) {
      throw new IllegalArgumentException(
          "low rank: inner dimensions differ, got (%d, %d) x (%d, %d)"
              .formatted(hidden.rows(), hidden.columns(), second.rows(), second.columns()));
    }
    if (first != null && first.columns() != second.rows()) {
      throw new IllegalArgumentException(
          "low rank: inner dimensions differ, got (%d, %d) x (%d, %d)"
              .formatted(first.rows(), first.columns(), second.rows(), second.columns()));
    }
  }

  /**
   * The product of what {@code hidden} holds.
   *
   * @param hidden {@code (m, r)}
   * @param second {@code (r, n)}
   * @param factor multiplied into {@code second}
   */
  public LowRank(Matrix hidden, Matrix second, float factor) {
    this(null, hidden, second, factor);
  }

  /**
   * The same once {@code hidden} is there.
   *
   * @return the product of what {@code hidden} holds
   */
  public LowRank given() {
    return new LowRank(null, hidden, second, factor);
  }

  /**
   * The product for some consecutive columns of its result.
   *
   * @param from the first column
   * @param count the number of columns
   * @return the product for those columns
   */
  public LowRank columns(int from, int count) {
    return new LowRank(first, hidden, second.columns(from, count), factor);
  }
}
