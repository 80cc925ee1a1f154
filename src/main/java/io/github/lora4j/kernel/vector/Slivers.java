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
    copies = room.atLeast(groupLength() * Panels.count(count() - lying, Tiles.GROUP));
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

  /** Where the copy of a sliver begins. */
  private int copied(int sliver) {
    int number = sliver - lying;
    return number / Tiles.GROUP * groupLength() + number % Tiles.GROUP * Tiles.ROWS;
  }

  /** The length of the copies of a group. */
  private int groupLength() {
    return copiedStride() * (interleaved() ? a.columns() : Tiles.ROWS);
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
    } else if (columns) {
      for (int k = 0; k < a.columns(); k++) {
        for (int i = 0; i < present; i++) {
          copies[to + i + k * Tiles.PITCH] = data[from + k * a.columnStride() + i];
        }
      }
    } else {
      for (int i = 0; i < present; i++) {
        for (int k = 0; k < a.columns(); k++) {
          copies[to + i + k * Tiles.PITCH] = data[from + i * a.rowStride() + k];
        }
      }
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
   * @param sliver which one
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
    if (byColumns(sliver)) {
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
