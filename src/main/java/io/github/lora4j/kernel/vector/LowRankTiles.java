package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its right operand is packed once by the thread that calls, rows of the left one by each
 * thread that works.
 *
 * @param left {@code (m, r)}
 * @param panels the right operand {@code (r, n)}, packed
 */
record LowRankTiles(Matrix left, float[] panels) {

  /** The product itself, or null for none. */
  static @Nullable LowRankTiles of(@Nullable LowRank product) {
    return product == null ? null : of(product.left(), product.right(), product.factor());
  }

  /** The transpose of the product, or null for none. */
  static @Nullable LowRankTiles ofTranspose(@Nullable LowRank product) {
    return product == null
        ? null
        : of(product.right().transpose(), product.left().transpose(), product.factor());
  }

  private static LowRankTiles of(Matrix left, Matrix right, float factor) {
    int length = Panels.length(right.rows(), right.columns(), Tiles.WIDE);
    float[] panels = Scratch.current().second(length);
    Panels.packRight(right, factor, Tiles.WIDE, panels);
    return new LowRankTiles(left, panels);
  }

  /** Packs rows of the left operand for {@link #add} on this thread. */
  void packRows(int first, int count) {
    int rank = left.columns();
    Panels.packLeft(left, first, count, 0, rank, Scratch.current().lowRankLeft(rank));
  }

  /**
   * Adds the product to a tile.
   *
   * @param row its first row among those that were packed
   * @param panel which of the panels
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void add(int row, int panel, float[] c, int cOffset, int cStride) {
    int rank = left.columns();
    float[] rows = Scratch.current().lowRankLeft(rank);
    Tiles.wide(rank, rows, row * rank, panels, panel * rank * Tiles.WIDE, c, cOffset, cStride);
  }
}
