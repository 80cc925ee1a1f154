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
    checkInner(hidden, second);
    if (first != null) {
      checkInner(first, second);
    }
  }

  private static void checkInner(Matrix left, Matrix right) {
    if (left.columns() != right.rows()) {
      throw new IllegalArgumentException(
          "low rank: inner dimensions differ, got (%d, %d) x (%d, %d)"
              .formatted(left.rows(), left.columns(), right.rows(), right.columns()));
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
   * Computes {@code hidden = x first} by itself, unless it is there already.
   *
   * @param x {@code (m, k)}
   * @param kernels compute the product
   * @return the product of what {@code hidden} holds now
   */
  public LowRank given(Matrix x, Kernels kernels) {
    if (first == null) {
      return this;
    }
    kernels.multiply(x, first, 1, hidden, false);
    return new LowRank(hidden, second, factor);
  }
}
