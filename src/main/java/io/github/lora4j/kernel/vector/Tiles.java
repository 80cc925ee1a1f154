package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The sizes of the tiles that a product is made of, and moving what fills one. */
final class Tiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;

  /** Columns of a wide tile: two vectors. */
  static final int WIDE = 2 * LANES;

  /**
   * Whether a tile takes its left operand from a copy in which columns are consecutive: six rows at
   * a time, which is what 16 vector registers hold. With 32 of them, as with vectors of 512 bits,
   * twelve rows hide the addresses of rows that lie apart.
   */
  static final boolean INTERLEAVED = LANES < 16;

  /** Rows of a tile. */
  static final int ROWS = INTERLEAVED ? 6 : 12;

  /** The distance of two columns in an interleaved copy. */
  static final int PITCH = INTERLEAVED ? 8 : ROWS;

  private Tiles() {}

  /** Interleaves rows of which the elements of a column are consecutive. */
  static void copyColumns(
      int columns, float[] from, int fromOffset, int fromStride, float[] to, int toOffset) {
    for (int k = 0; k < columns; k++) {
      for (int i = 0; i < PITCH; i += LANES) {
        FloatVector.fromArray(SPECIES, from, fromOffset + k * fromStride + i)
            .intoArray(to, toOffset + k * PITCH + i);
      }
    }
  }

  /** Copies rows of two vectors. */
  static void copyRows(
      int count,
      float[] from,
      int fromOffset,
      int fromStride,
      float[] to,
      int toOffset,
      int toStride) {
    for (int i = 0; i < count; i++) {
      int row = fromOffset + i * fromStride;
      int at = toOffset + i * toStride;
      FloatVector.fromArray(SPECIES, from, row).intoArray(to, at);
      FloatVector.fromArray(SPECIES, from, row + LANES).intoArray(to, at + LANES);
    }
  }
}
