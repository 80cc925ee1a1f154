package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/**
 * The left operand of a product, in slivers of {@link Tiles#ROWS} rows. They are copied, so that no
 * two rows contend for the same places of a cache, or read where they lie, except for the last one
 * if rows are missing. Threads may copy different slivers and read copied ones at once.
 */
final class Slivers {

  private final Room room = new Room();

  private Matrix a = Matrix.of(new float[0], 0, 0);
  private float[] copies = a.data();

  /** How many are read where they lie. */
  private int lying;

  /** Whether the elements of a column are consecutive, else those of a row. */
  private boolean columns;

  /** Prepares for a matrix, of which no sliver is copied yet. */
  void of(Matrix matrix, boolean inPlace) {
    a = matrix;
    columns = a.columnStride() != 1;
    lying = inPlace ? a.rows() / Tiles.ROWS : 0;
    copies = room.atLeast(copiedLength() * (count() - lying));
  }

  int count() {
    return Panels.count(a.rows(), Tiles.ROWS);
  }

  /** Whether the elements of a column are consecutive in the copies. */
  private boolean interleaved() {
    return columns || Tiles.INTERLEAVED;
  }

  private int copiedStride() {
    return interleaved() ? Tiles.PITCH : a.columns() + Lanes.COUNT;
  }

  /** The length of the copy of a sliver. */
  private int copiedLength() {
    return copiedStride() * (interleaved() ? a.columns() : Tiles.ROWS);
  }

  /** Where the copy of a sliver begins. */
  private int copied(int sliver) {
    return (sliver - lying) * copiedLength();
  }

  /** The rows of a sliver that are there. */
  Matrix rows(int sliver) {
    int first = sliver * Tiles.ROWS;
    return a.rows(first, Math.min(Tiles.ROWS, a.rows() - first));
  }

  /** The first sliver that needs a copy; all after it do. */
  int firstCopied() {
    return lying;
  }

  /** Copies a sliver. Rows that fill it up may be anything. */
  void copy(int sliver) {
    int first = sliver * Tiles.ROWS;
    int present = Math.min(Tiles.ROWS, a.rows() - first);
    int to = copied(sliver);
    float[] data = a.data();
    int from = a.index(first, 0);
    if (!interleaved()) {
      Panels.copyRows(data, from, a.rowStride(), copies, to, copiedStride(), present, a.columns());
    } else if (columns && first + Tiles.PITCH <= a.rows()) {
      Tiles.copyColumns(a.columns(), data, from, a.columnStride(), copies, to);
    } else if (columns) {
      for (int k = 0; k < a.columns(); k++) {
        for (int i = 0; i < present; i++) {
          copies[to + i + k * Tiles.PITCH] = data[from + k * a.columnStride() + i];
        }
      }
    } else if (present == Tiles.ROWS) {
      interleave(data, from, a.rowStride(), a.columns(), copies, to);
    } else {
      for (int i = 0; i < present; i++) {
        for (int k = 0; k < a.columns(); k++) {
          copies[to + i + k * Tiles.PITCH] = data[from + i * a.rowStride() + k];
        }
      }
    }
  }

  /** Six rows at once, so that a line of the copy is written once. */
  private static void interleave(
      float[] data, int from, int stride, int columns, float[] to, int at) {
    int row1 = from + stride;
    int row2 = row1 + stride;
    int row3 = row2 + stride;
    int row4 = row3 + stride;
    int row5 = row4 + stride;
    for (int k = 0; k < columns; k++) {
      to[at + k * Tiles.PITCH] = data[from + k];
      to[at + k * Tiles.PITCH + 1] = data[row1 + k];
      to[at + k * Tiles.PITCH + 2] = data[row2 + k];
      to[at + k * Tiles.PITCH + 3] = data[row3 + k];
      to[at + k * Tiles.PITCH + 4] = data[row4 + k];
      to[at + k * Tiles.PITCH + 5] = data[row5 + k];
    }
  }

  /** Multiplies all copies by a factor. */
  void scale(float factor) {
    int length = copied(count());
    for (int i = 0; i < length; i++) {
      copies[i] *= factor;
    }
  }

  private boolean lies(int sliver) {
    return sliver < lying;
  }

  private float[] elements(int sliver) {
    return lies(sliver) ? a.data() : copies;
  }

  private boolean byColumns(int sliver) {
    return lies(sliver) ? columns : interleaved();
  }

  private int stride(int sliver) {
    return lies(sliver) ? (columns ? a.columnStride() : a.rowStride()) : copiedStride();
  }

  private int offset(int sliver, int k) {
    int begin = lies(sliver) ? a.index(sliver * Tiles.ROWS, 0) : copied(sliver);
    return begin + (byColumns(sliver) ? k * stride(sliver) : k);
  }

  /**
   * Adds the product of columns {@code k0} to {@code k1 - 1} of a sliver to a tile.
   *
   * @param sliver which one; a copied one where tiles are {@link Tiles#INTERLEAVED}
   * @param k0 the first of its columns
   * @param k1 the end of them
   * @param b {@code (k1 - k0, WIDE)}, packed
   * @param bOffset where it begins
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  void addProduct(
      int sliver, int k0, int k1, float[] b, int bOffset, float[] c, int cOffset, int cStride) {
    float[] from = elements(sliver);
    int at = offset(sliver, k0);
    int stride = stride(sliver);
    if (Tiles.INTERLEAVED) {
      InterleavedTiles.add(k1 - k0, from, at, b, bOffset, c, cOffset, cStride);
    } else if (byColumns(sliver)) {
      WideTiles.columns(k1 - k0, from, at, stride, b, bOffset, c, cOffset, cStride);
    } else {
      WideTiles.rows(k1 - k0, from, at, stride, b, bOffset, c, cOffset, cStride);
    }
  }

  /**
   * Adds the product of columns {@code k0} to {@code k1 - 1} of a sliver to a tile of {@link
   * NarrowTiles}.
   *
   * @param sliver which one
   * @param k0 the first of its columns
   * @param k1 the end of them
   * @param b {@code (k1 - k0, LANES)}, packed
   * @param bOffset where it begins
   * @param c holds the tile, its rows one after the other
   * @param cOffset where it begins
   */
  void addNarrowProduct(
      int sliver, int k0, int k1, float[] b, int bOffset, float[] c, int cOffset) {
    float[] from = elements(sliver);
    int at = offset(sliver, k0);
    int stride = stride(sliver);
    if (byColumns(sliver)) {
      NarrowTiles.columns(k1 - k0, from, at, stride, b, bOffset, c, cOffset);
    } else {
      NarrowTiles.rows(k1 - k0, from, at, stride, b, bOffset, c, cOffset);
    }
  }
}
