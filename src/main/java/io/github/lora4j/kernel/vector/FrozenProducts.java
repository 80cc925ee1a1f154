package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * The linear map of a frozen weight and its gradient. Both are a {@link WideProduct}; panels that
 * the weight does not hold as the product reads them are made first, some at a time, so that they
 * take little room.
 *
 * @param kernels compute the inner part of a low-rank product where it is needed more than once
 */
record FrozenProducts(Kernels kernels) {

  /** The most elements that are widened at a time: 4 MiB of them. */
  private static final int MOST_WIDENED = 1 << 20;

  /**
   * The most elements that are turned at a time: 16 MiB, because results are added to each time.
   */
  private static final int MOST_TURNED = 1 << 22;

  /** {@code y = addend + bias + x W^T + lowRank}. */
  void linear(
      Matrix x,
      FrozenWeight weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y) {
    if (y.columns() == 0) {
      given(x, lowRank);
    } else if (weight instanceof Float32Weight floats) {
      new WideProduct(x, floats.panels(), false, bias, 0, addend, lowRank, y).run();
    } else if (weight instanceof BFloat16Weight halves) {
      int atATime = atATime(weight, MOST_WIDENED);
      LowRank added = atATime < weight.rows() ? given(x, lowRank) : lowRank;
      for (int first = 0; first < weight.rows(); first += atATime) {
        int count = Math.min(atATime, weight.rows() - first);
        new WideProduct(
                x,
                widened(halves, first, count),
                false,
                bias,
                first,
                addend == null ? null : addend.columns(first, count),
                added == null ? null : added.columns(first, count),
                y.columns(first, count))
            .run();
      }
    }
  }

  /** Rows {@code first} to {@code first + count - 1} of W, of which the first begins a panel. */
  private static float[] widened(BFloat16Weight weight, int first, int count) {
    int length = weight.columns() * Tiles.WIDE;
    int panels = Panels.count(count, Tiles.WIDE);
    float[] made = Scratch.current().right(panels * length);
    Parallel.forEach(panels, i -> weight.widen(first / Tiles.WIDE + i, made, i * length));
    return made;
  }

  /** {@code dx = dy W + lowRank}, or {@code dx +=} that. */
  void linearBackward(
      Matrix dy, FrozenWeight weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate) {
    int atATime = atATime(weight, MOST_TURNED);
    boolean once = dy.columns() <= atATime && dx.columns() > 0;
    LowRank added = once ? lowRank : given(dy, lowRank);
    int k0 = 0;
    do {
      int k1 = Math.min(dy.columns(), k0 + atATime);
      float[] made = turned(weight, k0, k1);
      LowRank last = k1 == dy.columns() ? added : null;
      Matrix part = dy.columns(k0, k1 - k0);
      new WideProduct(part, made, accumulate || k0 > 0, null, 0, null, last, dx).run();
      k0 = k1;
    } while (k0 < dy.columns());
  }

  /** Rows {@code k0} to {@code k1 - 1} of W as a right operand. */
  private static float[] turned(FrozenWeight weight, int k0, int k1) {
    int depth = k1 - k0;
    int columns = weight.columns();
    float[] made = Scratch.current().right(Panels.length(depth, columns, Tiles.WIDE));
    Parallel.forEach(
        Panels.count(depth, Tiles.WIDE),
        task -> {
          int k = task * Tiles.WIDE;
          int height = Math.min(Tiles.WIDE, depth - k);
          for (int column = 0; column < columns; column += Tiles.WIDE) {
            int width = Math.min(Tiles.WIDE, columns - column);
            int offset = column * depth + k * Tiles.WIDE;
            weight.turnSquare((k0 + k) / Tiles.WIDE, column, width, height, made, offset);
          }
        });
    return made;
  }

  /** The same product with its inner part computed, for a weight that is read in several goes. */
  private @Nullable LowRank given(Matrix x, @Nullable LowRank product) {
    return product == null ? null : product.given(x, kernels);
  }

  /** How many rows of W, whole panels, hold as many elements. */
  private static int atATime(FrozenWeight weight, int elements) {
    return Math.max(1, elements / Math.max(1, weight.columns() * Tiles.WIDE)) * Tiles.WIDE;
  }
}
