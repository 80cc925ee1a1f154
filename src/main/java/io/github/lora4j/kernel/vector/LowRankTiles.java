package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The product of low rank that is added to the tiles of another one while they are in the first
 * cache. Its right operands are packed once by the thread that calls. The rows of {@code hidden}
 * that a block needs are held by the thread that works on it, in tiles of {@link NarrowTiles}: one
 * or more side by side for each sliver.
 *
 * @param product what is added
 * @param first the operand that makes {@code hidden}, packed: {@code (panel, k, LANES)}; or null
 * @param second the other operand, packed: {@code (panel, r, WIDE)}
 */
record LowRankTiles(LowRank product, float @Nullable [] first, float[] second) {

  private static final int TILE = Tiles.ROWS * Lanes.COUNT;

  /** The product, ready to be added, or null for none. */
  static @Nullable LowRankTiles of(@Nullable LowRank product) {
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
    return new LowRankTiles(product, first, second);
  }

  private int rank() {
    return product.hidden().columns();
  }

  private int tilesOfASliver() {
    return Panels.count(rank(), Lanes.COUNT);
  }

  private int tiles(int rows) {
    return Panels.count(rows, Tiles.ROWS) * tilesOfASliver();
  }

  private float[] hidden(int rows) {
    return Scratch.current().hidden(tiles(rows) * TILE);
  }

  /** Fetches the rows of {@code hidden} for a block, or begins to compute them. */
  void begin(int firstRow, int rows) {
    float[] tiles = hidden(rows);
    if (first != null) {
      Arrays.fill(tiles, 0, tiles(rows) * TILE, 0f);
      return;
    }
    Matrix hidden = product.hidden();
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < rank(); j++) {
        tiles[at(i, j)] = hidden.data()[hidden.index(firstRow + i, j)];
      }
    }
  }

  private int at(int row, int column) {
    int tile = row / Tiles.ROWS * tilesOfASliver() + column / Lanes.COUNT;
    return tile * TILE + row % Tiles.ROWS * Lanes.COUNT + column % Lanes.COUNT;
  }

  /** Computes on for the inner indices {@code k0} to {@code k1 - 1} of the block's rows. */
  void advance(Slivers left, int rows, int k0, int k1) {
    if (first == null || product.first() == null) {
      return;
    }
    float[] tiles = hidden(rows);
    int depth = product.first().rows();
    int count = tilesOfASliver();
    for (int i = 0; i < tiles(rows); i++) {
      int right = (i % count * depth + k0) * Lanes.COUNT;
      left.addNarrowProduct(i / count, k1 - k0, first, right, tiles, i * TILE);
    }
  }

  /** Writes the block's rows of {@code hidden}, if it was computed. */
  void store(int firstRow, int rows) {
    if (first == null) {
      return;
    }
    Matrix hidden = product.hidden();
    float[] tiles = hidden(rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < rank(); j++) {
        hidden.data()[hidden.index(firstRow + i, j)] = tiles[at(i, j)];
      }
    }
  }

  /**
   * Adds the product to a tile.
   *
   * @param sliver which of the block's
   * @param panel which of the panels
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void addProduct(int sliver, int panel, float[] c, int cOffset, int cStride) {
    float[] tiles = Scratch.current().hidden(0);
    int count = tilesOfASliver();
    for (int i = 0; i < count; i++) {
      int j = i * Lanes.COUNT;
      int depth = Math.min(Lanes.COUNT, rank() - j);
      int left = (sliver * count + i) * TILE;
      int right = (panel * rank() + j) * Tiles.WIDE;
      WideTiles.rows(depth, tiles, left, Lanes.COUNT, second, right, c, cOffset, cStride);
    }
  }
}
