package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its operands are packed once. The rows of {@code hidden} are held in tiles of {@link
 * NarrowTiles}: one or more side by side for each sliver. Threads may work on different slivers.
 *
 * @param product what is added
 * @param first the operand that makes {@code hidden}, packed: {@code (panel, k, LANES)}; or null
 * @param second the other operand, packed: {@code (panel, r, WIDE)}
 * @param hidden {@code (sliver, panel, ROWS, LANES)}
 */
record LowRankTiles(LowRank product, float @Nullable [] first, float[] second, float[] hidden) {

  private static final int TILE = Tiles.ROWS * Lanes.COUNT;

  /** The product, or null for none, with room for so many slivers. */
  static @Nullable LowRankTiles of(@Nullable LowRank product, int slivers) {
    if (product == null) {
      return null;
    }
    Scratch scratch = Scratch.current();
    float[] first = null;
    if (product.first() != null) {
      Matrix operand = product.first();
      first = scratch.first(Panels.length(operand.rows(), operand.columns(), Lanes.COUNT));
      Panels.packRight(operand, 1, Lanes.COUNT, first);
    }
    Matrix operand = product.second();
    float[] second = scratch.second(Panels.length(operand.rows(), operand.columns(), Tiles.WIDE));
    Panels.packRight(operand, product.factor(), Tiles.WIDE, second);
    int tiles = slivers * Panels.count(operand.rows(), Lanes.COUNT);
    return new LowRankTiles(product, first, second, scratch.hidden(tiles * TILE));
  }

  private int rank() {
    return product.second().rows();
  }

  private int tilesOfASliver() {
    return Panels.count(rank(), Lanes.COUNT);
  }

  private int tile(int sliver, int panel) {
    return (sliver * tilesOfASliver() + panel) * TILE;
  }

  /**
   * Computes the rows of {@code hidden} for a sliver, or fetches them if they are given.
   *
   * @param left the left operand of the product that this one is added to
   * @param sliver which of it
   * @param firstRow the row of {@code hidden} where {@code left} begins
   */
  void makeHidden(Slivers left, int sliver, int firstRow) {
    int row = firstRow + sliver * Tiles.ROWS;
    int present = Math.min(Tiles.ROWS, product.hidden().rows() - row);
    for (int panel = 0; panel < tilesOfASliver(); panel++) {
      int column = panel * Lanes.COUNT;
      int width = Math.min(Lanes.COUNT, rank() - column);
      Matrix part = product.hidden().rows(row, present).columns(column, width);
      int at = tile(sliver, panel);
      if (first == null || product.first() == null) {
        Panels.gather(part, hidden, at, Lanes.COUNT);
        continue;
      }
      int depth = product.first().rows();
      Arrays.fill(hidden, at, at + TILE, 0f);
      left.addNarrowProduct(sliver, 0, depth, first, panel * depth * Lanes.COUNT, hidden, at);
      Panels.scatter(hidden, at, Lanes.COUNT, part);
    }
  }

  /**
   * Adds the product to a tile.
   *
   * @param sliver which of the slivers
   * @param panel which of the panels
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void addProduct(int sliver, int panel, float[] c, int cOffset, int cStride) {
    for (int i = 0; i < tilesOfASliver(); i++) {
      int j = i * Lanes.COUNT;
      int depth = Math.min(Lanes.COUNT, rank() - j);
      int right = (panel * rank() + j) * Tiles.WIDE;
      WideTiles.rows(
          depth, hidden, tile(sliver, i), Lanes.COUNT, second, right, c, cOffset, cStride);
    }
  }
}
