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
   * Adds a slice of the inner dimension to the rows of {@code hidden} of a sliver, or fetches them
   * if they are given.
   *
   * @param left a slice of the left operand of the product that this one is added to
   * @param sliver which of its slivers
   * @param k0 where the slice begins
   */
  void addToHidden(Slivers left, int sliver, int k0) {
    if (first == null || product.first() == null) {
      if (k0 == 0) {
        hidden.copy(sliver);
      }
      return;
    }
    int depth = product.first().rows();
    int k1 = Math.min(depth, k0 + Tiles.DEPTH);
    for (int column = 0; column < rank(); column += width) {
      int columns = Math.min(width, rank() - column);
      Matrix made = hidden.rows(sliver).columns(column, columns);
      float[] sums = product(left, sliver, k1 - k0, first, column * depth + k0 * width);
      Panels.scatter(sums, Panels.START, width, made, k0 > 0);
    }
    if (k1 == depth) {
      hidden.copy(sliver);
    }
  }

  private float[] product(Slivers left, int sliver, int depth, float[] right, int inPanels) {
    int from = Panels.START + inPanels;
    if (width == Tiles.WIDE) {
      return left.multiply(sliver, 0, depth, right, from).elements();
    }
    float[] sums = Scratch.current().product().elements();
    Arrays.fill(sums, 0f);
    left.addNarrowProduct(sliver, 0, depth, right, from, sums, Panels.START);
    return sums;
  }

  /** Adds the product for a sliver and a panel to a tile. */
  void addTo(TileProduct tile, int sliver, int panel) {
    TileProduct added = Scratch.current().lowRank();
    int right = Panels.START + panel * rank() * Tiles.WIDE;
    hidden.multiply(sliver, 0, rank(), second, right, added);
    tile.add(added);
  }
}
