package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its operands are packed once. The rows of {@code hidden} are held in tiles of {@link
 * NarrowTiles}, or of {@link WideTiles} for a rank above a vector: one or more side by side for
 * each sliver. Threads may work on different slivers.
 *
 * @param product what is added
 * @param width the columns of a tile of {@code hidden}
 * @param first the operand that makes {@code hidden}, packed: {@code (panel, k, width)}; or null
 * @param second the other operand, packed: {@code (panel, r, WIDE)}
 * @param hidden {@code (sliver, panel, ROWS, width)}
 */
record LowRankTiles(
    LowRank product, int width, float @Nullable [] first, float[] second, float[] hidden) {

  /** The product, or null for none, with room for so many slivers. */
  static @Nullable LowRankTiles of(@Nullable LowRank product, int slivers) {
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
    int tiles = slivers * Panels.count(rank, width);
    return new LowRankTiles(
        product, width, first, second, scratch.hidden(tiles * Tiles.ROWS * width));
  }

  private int rank() {
    return product.second().rows();
  }

  private int tilesOfASliver() {
    return Panels.count(rank(), width);
  }

  private int tile(int sliver, int panel) {
    return (sliver * tilesOfASliver() + panel) * Tiles.ROWS * width;
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
      int column = panel * width;
      int columns = Math.min(width, rank() - column);
      Matrix part = product.hidden().rows(row, present).columns(column, columns);
      int at = tile(sliver, panel);
      if (first == null || product.first() == null) {
        Panels.gather(part, hidden, at, width);
        continue;
      }
      int depth = product.first().rows();
      int from = panel * depth * width;
      Arrays.fill(hidden, at, at + Tiles.ROWS * width, 0f);
      if (width == Tiles.WIDE) {
        left.addProduct(sliver, 0, depth, first, from, hidden, at, width);
      } else {
        left.addNarrowProduct(sliver, 0, depth, first, from, hidden, at);
      }
      Panels.scatter(hidden, at, width, part);
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
      int j = i * width;
      int depth = Math.min(width, rank() - j);
      int right = (panel * rank() + j) * Tiles.WIDE;
      WideTiles.rows(depth, hidden, tile(sliver, i), width, second, right, c, cOffset, cStride);
    }
  }
}
