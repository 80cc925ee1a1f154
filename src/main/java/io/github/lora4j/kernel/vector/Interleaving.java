package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Copies rows of a left operand side by side: column k of {@link Tiles#ROWS} of them begins at
 * {@code k PITCH}. What fills a column up may be anything.
 */
final class Interleaving {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;
  private static final int PITCH = Tiles.PITCH;

  private Interleaving() {}

  /**
   * Copies a sliver.
   *
   * @param a the left operand, its rows or its columns consecutive
   * @param first the first of the rows
   * @param to takes {@code (columns, PITCH)}
   * @param at where it begins
   */
  static void copy(Matrix a, int first, float[] to, int at) {
    if (a.columns() == 0) {
      return;
    }
    int present = Math.min(Tiles.ROWS, a.rows() - first);
    boolean byColumns = a.columnStride() != 1;
    // What follows the rows that are there fills up as well as anything, if the array holds it.
    long end = a.index(first, a.columns() - 1) + (PITCH - 1L) * a.rowStride();
    boolean filled = end < a.data().length;
    if (byColumns && filled) {
      copyColumns(a, first, to, at);
    } else if (byColumns) {
      for (int k = 0; k < a.columns(); k++) {
        System.arraycopy(a.data(), a.index(first, k), to, at + k * PITCH, present);
      }
    } else if (LANES < Transpose16.SIDE && present == Tiles.ROWS) {
      turnSix(a, first, to, at);
    } else {
      int turned = LANES == Transpose16.SIDE && filled ? turnSquares(a, first, to, at) : 0;
      turn(a, first, present, turned, to, at);
    }
  }

  private static void copyColumns(Matrix a, int first, float[] to, int at) {
    float[] data = a.data();
    int from = a.index(first, 0);
    int stride = a.columnStride();
    int columns = a.columns();
    for (int k = 0; k < columns; k++) {
      for (int i = 0; i < PITCH; i += LANES) {
        FloatVector.fromArray(SPECIES, data, from + k * stride + i)
            .intoArray(to, at + k * PITCH + i);
      }
    }
  }

  /** As many columns as squares can be made of; returns how many that are. */
  private static int turnSquares(Matrix a, int first, float[] to, int at) {
    int whole = a.columns() - a.columns() % Transpose16.SIDE;
    for (int k = 0; k < whole; k += Transpose16.SIDE) {
      int from = a.index(first, k);
      Transpose16.square(a.data(), from, a.rowStride(), to, at + k * PITCH, PITCH);
    }
    return whole;
  }

  /** Six rows at once, so that a line of the copy is written once. */
  private static void turnSix(Matrix a, int first, float[] to, int at) {
    float[] data = a.data();
    int row0 = a.index(first, 0);
    int row1 = row0 + a.rowStride();
    int row2 = row1 + a.rowStride();
    int row3 = row2 + a.rowStride();
    int row4 = row3 + a.rowStride();
    int row5 = row4 + a.rowStride();
    int columns = a.columns();
    for (int k = 0; k < columns; k++) {
      to[at + k * PITCH] = data[row0 + k];
      to[at + k * PITCH + 1] = data[row1 + k];
      to[at + k * PITCH + 2] = data[row2 + k];
      to[at + k * PITCH + 3] = data[row3 + k];
      to[at + k * PITCH + 4] = data[row4 + k];
      to[at + k * PITCH + 5] = data[row5 + k];
    }
  }

  /** The rows that are there, from a column on. */
  private static void turn(Matrix a, int first, int present, int k0, float[] to, int at) {
    float[] data = a.data();
    int columns = a.columns();
    for (int i = 0; i < present; i++) {
      int from = a.index(first + i, 0);
      for (int k = k0; k < columns; k++) {
        to[at + i + k * PITCH] = data[from + k];
      }
    }
  }
}
