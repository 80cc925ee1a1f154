package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/**
 * A left operand of few columns that one thread copies and uses: rows are cut into pieces of {@link
 * RowTiles#LENGTH} elements and not turned, as they are in {@link Slivers}. An element of a product
 * is a sum of chains, one for each piece.
 */
final class CopiedRows {

  private static final int LENGTH = RowTiles.LENGTH;

  private final Room room = new Room();
  private final TileProduct ofPiece = new TileProduct();
  private float[] copies = new float[0];
  private int columns;

  /** The distance of two pieces of a row. */
  private int step;

  /** Copies an operand, whose rows are consecutive elements; the one before is lost. */
  void of(Matrix a) {
    columns = a.columns();
    step = Panels.count(a.rows(), Tiles.ROWS) * Tiles.ROWS * LENGTH;
    copies = room.atLeast(Panels.START + Panels.count(columns, LENGTH) * step);
    for (int k = 0; k < columns; k += Tiles.WIDE) {
      int from = a.index(0, k);
      int to = Panels.START + k / LENGTH * step + k % LENGTH;
      int width = Math.min(Tiles.WIDE, columns - k);
      if (width == Tiles.WIDE) {
        Tiles.copyRows(a.rows(), a.data(), from, a.rowStride(), copies, to, LENGTH);
      } else {
        Panels.copyRows(a.data(), from, a.rowStride(), copies, to, LENGTH, a.rows(), width);
      }
    }
  }

  /**
   * The product of ROWS rows and a panel; lasts until this thread asks for another.
   *
   * @param row the first row, a multiple of ROWS
   * @param b the right operand
   * @param panel which of its panels
   */
  TileProduct multiply(int row, PackedPanels b, int panel) {
    TileProduct product = Scratch.current().product();
    multiply(row, 0, b, panel, product);
    for (int k = LENGTH; k < columns; k += LENGTH) {
      multiply(row, k, b, panel, ofPiece);
      product.add(ofPiece);
    }
    return product;
  }

  private void multiply(int row, int k, PackedPanels b, int panel, TileProduct product) {
    int from = Panels.START + k / LENGTH * step + row * LENGTH;
    int depth = Math.min(LENGTH, columns - k);
    RowTiles.multiply(depth, copies, from, b.elements(), b.at(panel, k), product.elements());
  }
}
