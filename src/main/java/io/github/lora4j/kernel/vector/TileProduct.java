package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** What {@link WideTiles} computes, {@code (ROWS, WIDE)}, on its way to where it belongs. */
final class TileProduct {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;
  private static final int WIDE = Tiles.WIDE;
  private static final float[] ZEROS = new float[WIDE];

  private final float[] elements = new float[Panels.START + Tiles.ROWS * WIDE];

  /** Holds the rows, one after the other, from {@link Panels#START} on. */
  float[] elements() {
    return elements;
  }

  /** Adds the tile to a matrix, as far as it is inside. */
  void addTo(Matrix c, int row, int column) {
    int at = c.index(row, column);
    sum(c.data(), at, c.rowStride(), c.data(), at, c.rowStride(), rows(c, row), columns(c, column));
  }

  /** Adds another tile to this one. */
  void add(TileProduct other) {
    sum(other.elements, Panels.START, WIDE, elements, Panels.START, WIDE, Tiles.ROWS, WIDE);
  }

  /** Adds the whole tile. */
  void addTo(float[] c, int at, int stride) {
    sum(c, at, stride, c, at, stride, Tiles.ROWS, WIDE);
  }

  /** Writes the whole tile. */
  void copyTo(float[] c, int at, int stride) {
    Tiles.copyRows(Tiles.ROWS, elements, Panels.START, WIDE, c, at, stride);
  }

  /** Writes the tile to a matrix, as far as it is inside. */
  void copyTo(Matrix c, int row, int column) {
    copyTo(c, row, column, ZEROS, 0, 0);
  }

  /**
   * Writes the sum of the tile and of other rows to a matrix, as far as it is inside.
   *
   * @param c modified
   * @param row the first row of the tile
   * @param column the first column of it
   * @param other holds the other rows
   * @param from where they begin
   * @param stride the distance of two; 0 for the same row again and again
   */
  void copyTo(Matrix c, int row, int column, float[] other, int from, int stride) {
    int at = c.index(row, column);
    sum(other, from, stride, c.data(), at, c.rowStride(), rows(c, row), columns(c, column));
  }

  /** Adds a row to each of the first columns. */
  void addRow(float[] row, int from, int columns) {
    sum(row, from, 0, elements, Panels.START, WIDE, Tiles.ROWS, columns);
  }

  private static int rows(Matrix c, int row) {
    return Math.min(Tiles.ROWS, c.rows() - row);
  }

  private static int columns(Matrix c, int column) {
    return Math.min(WIDE, c.columns() - column);
  }

  private void sum(
      float[] other,
      int from,
      int otherStride,
      float[] to,
      int at,
      int toStride,
      int rows,
      int columns) {
    for (int i = 0; i < rows; i++) {
      int left = Panels.START + i * WIDE;
      int right = from + i * otherStride;
      int sum = at + i * toStride;
      if (columns == WIDE) {
        FloatVector.fromArray(SPECIES, elements, left)
            .add(FloatVector.fromArray(SPECIES, other, right))
            .intoArray(to, sum);
        FloatVector.fromArray(SPECIES, elements, left + LANES)
            .add(FloatVector.fromArray(SPECIES, other, right + LANES))
            .intoArray(to, sum + LANES);
      } else {
        for (int j = 0; j < columns; j++) {
          to[sum + j] = elements[left + j] + other[right + j];
        }
      }
    }
  }
}
