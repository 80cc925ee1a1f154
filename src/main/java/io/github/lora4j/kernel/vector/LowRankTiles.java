package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its right operands are packed once; the rows of {@code hidden} are computed, or fetched if
 * they are given, a sliver at a time. Threads may work on different slivers.
 */
final class LowRankTiles {

  private final LowRank product;

  /** The columns of a tile of {@code hidden}. */
  private final int width;

  /** The operand that makes {@code hidden}, {@code (panel, k, width)}, or null if it is given. */
  private final float @Nullable [] first;

  /** The other operand, {@code (panel, r, WIDE)}. */
  private final float[] second;

  private final Slivers hidden = Scratch.current().hidden();

  private LowRankTiles(LowRank product, int width, float @Nullable [] first, float[] second) {
    this.product = product;
    this.width = width;
    this.first = first;
    this.second = second;
  }

  /** The product, or null for none. */
  static @Nullable LowRankTiles of(@Nullable LowRank product) {
    if (product == null) {
      return null;
    }
    Scratch scratch = Scratch.current();
    Matrix operand = product.second();
    int rank = operand.rows();
    int width = rank <= Lanes.COUNT ? Lanes.COUNT : Tiles.WIDE;
    float[] first = null;
    if (product.first() != null) {
      first = scratch.first(Panels.length(product.first().rows(), rank, width));
      Panels.packRight(product.first(), 1, width, first);
    }
    float[] second = scratch.second(Panels.length(rank, operand.columns(), Tiles.WIDE));
    Panels.packRight(operand, product.factor(), Tiles.WIDE, second);
    return new LowRankTiles(product, width, first, second);
  }

  private int rank() {
    return product.second().rows();
  }

  /** Prepares for some rows; of slivers of them no product may be added before it is made. */
  void of(int firstRow, int rows) {
    hidden.of(product.hidden().rows(firstRow, rows));
  }

  /**
   * Computes the rows of {@code hidden} for a sliver, or fetches them if they are given.
   *
   * @param left the left operand of the product that this one is added to
   * @param sliver which of it
   */
  void makeHidden(Slivers left, int sliver) {
    if (first != null && product.first() != null) {
      float[] sums = Scratch.current().tile();
      int depth = product.first().rows();
      for (int column = 0; column < rank(); column += width) {
        int from = Panels.START + column * depth;
        Arrays.fill(sums, 0, Tiles.ROWS * width, 0f);
        if (width == Tiles.WIDE) {
          left.addProduct(sliver, 0, depth, first, from, sums, 0, width);
        } else {
          left.addNarrowProduct(sliver, first, from, sums, 0);
        }
        int columns = Math.min(width, rank() - column);
        Panels.scatter(sums, 0, width, hidden.rows(sliver).columns(column, columns));
      }
    }
    hidden.copy(sliver);
  }

  /**
   * Adds the product to the result of the other one.
   *
   * @param sliver which of the slivers
   * @param panel which of the panels
   * @param c modified
   * @param row where the tile of the sliver begins
   */
  void addProduct(int sliver, int panel, Matrix c, int row) {
    int right = Panels.START + panel * rank() * Tiles.WIDE;
    hidden.addProduct(sliver, 0, rank(), second, right, c, row, panel * Tiles.WIDE);
  }
}
