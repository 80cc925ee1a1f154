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
   * Copies columns of a sliver.
   *
   * @param a the left operand, its rows or its columns consecutive
   * @param first the first of the rows
   * @param k0 the first of the columns
   * @param k1 the end of them
   * @param to takes {@code (k1 - k0, PITCH)}
   * @param at where it begins
   */
  static void copy(Matrix a, int first, int k0, int k1, float[] to, int at) {
    if (k0 == k1) {
      return;
    }
    int present = Math.min(Tiles.ROWS, a.rows() - first);
    boolean byColumns = a.columnStride() != 1;
    // What follows the rows that are there fills up as well as anything, if the array holds it.
    long end = a.index(first, k1 - 1) + (PITCH - 1L) * a.rowStride();
    boolean filled = end < a.data().length;
    if (byColumns && filled) {
      copyColumns(a, first, k0, k1, to, at);
    } else if (byColumns) {
      for (int k = k0; k < k1; k++) {
        System.arraycopy(a.data(), a.index(first, k), to, at + (k - k0) * PITCH, present);
      }
    } else if (LANES < Transpose16.SIDE && present == Tiles.ROWS) {
      turnSix(a, first, k0, k1, to, at);
    } else {
      int squares = LANES == Transpose16.SIDE && filled ? (k1 - k0) / Transpose16.SIDE : 0;
      for (int i = 0; i < squares * Transpose16.SIDE; i += Transpose16.SIDE) {
        int from = a.index(first, k0 + i);
        Transpose16.square(a.data(), from, a.rowStride(), to, at + i * PITCH, PITCH);
      }
      int turned = squares * Transpose16.SIDE;
      turn(a, first, present, k0 + turned, k1, to, at + turned * PITCH);
    }
  }

  private static void copyColumns(Matrix a, int first, int k0, int k1, float[] to, int at) {
    float[] data = a.data();
    int from = a.index(first, k0);
    int stride = a.columnStride();
    int columns = k1 - k0;
    for (int k = 0; k < columns; k++) {
      for (int i = 0; i < PITCH; i += LANES) {
        FloatVector.fromArray(SPECIES, data, from + k * stride + i)
            .intoArray(to, at + k * PITCH + i);
      }
    }
  }

  /** Six rows at once, so that a line of the copy is written once. */
  private static void turnSix(Matrix a, int first, int k0, int k1, float[] to, int at) {
    float[] data = a.data();
    int row0 = a.index(first, k0);
    int row1 = row0 + a.rowStride();
    int row2 = row1 + a.rowStride();
    int row3 = row2 + a.rowStride();
    int row4 = row3 + a.rowStride();
    int row5 = row4 + a.rowStride();
    int columns = k1 - k0;
    for (int k = 0; k < columns; k++) {
      to[at + k * PITCH] = data[row0 + k];
      to[at + k * PITCH + 1] = data[row1 + k];
      to[at + k * PITCH + 2] = data[row2 + k];
      to[at + k * PITCH + 3] = data[row3 + k];
      to[at + k * PITCH + 4] = data[row4 + k];
      to[at + k * PITCH + 5] = data[row5 + k];
    }
  }

  /** The rows that are there. */
  private static void turn(Matrix a, int first, int present, int k0, int k1, float[] to, int at) {
    float[] data = a.data();
    int columns = k1 - k0;
    for (int i = 0; i < present; i++) {
      int from = a.index(first + i, k0);
      for (int k = 0; k < columns; k++) {
        to[at + i + k * PITCH] = data[from + k];
      }
    }
  }
}
