package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its right operand is packed once by the thread that calls, rows of the left one are copied
 * by each thread that works.
 *
 * @param left {@code (m, r)}
 * @param panels the right operand {@code (r, n)}, packed
 */
record LowRankTiles(Matrix left, float[] panels) {

  /** The product itself, or null for none. */
  static @Nullable LowRankTiles of(@Nullable LowRank product) {
    if (product == null) {
      return null;
    }
    Matrix right = product.right();
    int length = Panels.length(right.rows(), right.columns(), Tiles.WIDE);
    float[] panels = Scratch.current().second(length);
    Panels.packRight(right, product.factor(), Tiles.WIDE, panels);
    return new LowRankTiles(product.left(), panels);
  }

  /** Copies rows of the left operand for {@link #addProduct} on this thread. */
  void copyRows(int first, int count) {
    Scratch.current().lowRankLeft().copy(left, first, count, 0, left.columns());
  }

  /**
   * Adds the product to a tile.
   *
   * @param sliver which of the rows that were copied
   * @param panel which of the panels
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void addProduct(int sliver, int panel, float[] c, int cOffset, int cStride) {
    int rank = left.columns();
    int at = panel * rank * Tiles.WIDE;
    Scratch.current().lowRankLeft().addProduct(sliver, rank, panels, at, c, cOffset, cStride);
  }
}
