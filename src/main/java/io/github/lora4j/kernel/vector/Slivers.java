package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/**
 * Some rows of the left operand of a product, in slivers of {@link Tiles#ROWS}: read where they
 * lie, or copied so that they stay in the caches and no two rows contend for the same places of it.
 */
final class Slivers {

  private float[] room = new float[0];

  private float[] elements = room;
  private int offset;

  /** Whether the elements of a column are consecutive, else those of a row. */
  private boolean columns;

  /** The distance of two rows, or of two columns. */
  private int stride;

  /** The distance of two slivers. */
  private int step;

  /** Reads rows where they lie, from {@code first} and column {@code k0}; only whole slivers. */
  void lie(Matrix a, int first, int k0) {
    elements = a.data();
    offset = a.index(first, k0);
    columns = a.columnStride() != 1;
    stride = columns ? a.columnStride() : a.rowStride();
    step = columns ? Tiles.ROWS : Tiles.ROWS * stride;
  }

  /**
   * Copies rows {@code first} to {@code first + count - 1}, columns {@code k0} to {@code k1 - 1}.
   * Rows that fill up the last sliver may be anything.
   */
  void copy(Matrix a, int first, int count, int k0, int k1) {
    int depth = k1 - k0;
    offset = 0;
    columns = a.columnStride() != 1;
    stride = columns ? Tiles.ROWS : depth + Lanes.COUNT;
    step = columns ? Tiles.ROWS * depth : Tiles.ROWS * stride;
    int length = Panels.count(count, Tiles.ROWS) * step;
    if (room.length < length) {
      room = new float[length];
    }
    elements = room;
    if (columns) {
      copyColumns(a, first, count, k0, depth);
    } else {
      Panels.copyRows(a.data(), a.index(first, k0), a.rowStride(), room, 0, stride, count, depth);
    }
  }

  private void copyColumns(Matrix a, int first, int count, int k0, int depth) {
    float[] data = a.data();
    for (int i = 0; i < count; i += Tiles.ROWS) {
      int present = Math.min(Tiles.ROWS, count - i);
      for (int k = 0; k < depth; k++) {
        int from = a.index(first + i, k0 + k);
        int to = i * depth + k * Tiles.ROWS;
        for (int j = 0; j < present; j++) {
          room[to + j] = data[from + j];
        }
      }
    }
  }

  /**
   * Adds the product of a sliver to a tile.
   *
   * @param sliver which one
   * @param depth the length of the inner dimension
   * @param b {@code (depth, WIDE)}, packed
   * @param bOffset where it begins
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void addProduct(
      int sliver, int depth, float[] b, int bOffset, float[] c, int cOffset, int cStride) {
    int at = offset + sliver * step;
    if (columns) {
      WideTiles.columns(depth, elements, at, stride, b, bOffset, c, cOffset, cStride);
    } else {
      WideTiles.rows(depth, elements, at, stride, b, bOffset, c, cOffset, cStride);
    }
  }

  /**
   * Adds the product of a sliver to a tile of {@link NarrowTiles}.
   *
   * @param sliver which one
   * @param depth the length of the inner dimension
   * @param b {@code (depth, LANES)}, packed
   * @param bOffset where it begins
   * @param c holds the tile, its rows one after the other
   * @param cOffset where it begins
   */
  void addNarrowProduct(int sliver, int depth, float[] b, int bOffset, float[] c, int cOffset) {
    int at = offset + sliver * step;
    if (columns) {
      NarrowTiles.columns(depth, elements, at, stride, b, bOffset, c, cOffset);
    } else {
      NarrowTiles.rows(depth, elements, at, stride, b, bOffset, c, cOffset);
    }
  }
}
