package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/**
 * The left operand of a product, copied in slivers of {@link Tiles#ROWS} interleaved rows. Threads
 * may copy different slivers and read copied ones at once.
 */
final class Slivers {

  private final Room room = new Room();

  private Matrix a = Matrix.of(new float[0], 0, 0);
  private float[] copies = a.data();

  /** Prepares for a matrix, of which no sliver is copied yet. */
  void of(Matrix matrix) {
    a = matrix;
    copies = room.atLeast(at(count(), 0));
  }

  /** Copies all of a matrix. */
  void copyOf(Matrix matrix) {
    of(matrix);
    for (int sliver = 0; sliver < count(); sliver++) {
      copy(sliver);
    }
  }

  int count() {
    return Panels.count(a.rows(), Tiles.ROWS);
  }

  /** Where a column of a sliver is. */
  private int at(int sliver, int column) {
    return (sliver * a.columns() + column) * Tiles.PITCH;
  }

  /** The rows of a sliver that are there. */
  Matrix rows(int sliver) {
    int first = sliver * Tiles.ROWS;
    return a.rows(first, Math.min(Tiles.ROWS, a.rows() - first));
  }

  /** Copies a sliver. */
  void copy(int sliver) {
    copy(sliver, a.columns());
  }

  /** Copies the first columns of a sliver: of others no product may be added. */
  void copy(int sliver, int columns) {
    Interleaving.copy(a, sliver * Tiles.ROWS, 0, columns, copies, at(sliver, 0));
  }

  /** Multiplies all copies by a factor. */
  void scale(float factor) {
    int length = at(count(), 0);
    for (int i = 0; i < length; i++) {
      copies[i] *= factor;
    }
  }

  /**
   * The product of columns {@code k0} to {@code k1 - 1} of a sliver; lasts until this thread asks
   * for another.
   *
   * @param sliver which one
   * @param k0 the first of its columns
   * @param k1 the end of them
   * @param b {@code (k1 - k0, WIDE)}, packed
   * @param bOffset where it begins
   */
  TileProduct multiply(int sliver, int k0, int k1, float[] b, int bOffset) {
    TileProduct product = Scratch.current().product();
    multiply(sliver, k0, k1, b, bOffset, product);
    return product;
  }

  /** The same in a tile of the caller's. */
  void multiply(int sliver, int k0, int k1, float[] b, int bOffset, TileProduct product) {
    WideTiles.multiply(k1 - k0, copies, at(sliver, k0), b, bOffset, product.elements());
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
    NarrowTiles.columns(k1 - k0, copies, at(sliver, k0), Tiles.PITCH, b, bOffset, c, cOffset);
  }
}
