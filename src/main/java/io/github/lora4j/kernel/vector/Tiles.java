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
   * Rows of a tile: as many as leave registers for the operands. Machines with vectors of 512 bits
   * have 32; of 16, six rows leave one, and the compiler stores and fetches vectors in the loop.
   */
  static final int ROWS = LANES >= 16 ? 12 : 5;

  /**
   * The distance of two columns in a copy of rows that is interleaved. A power of two: of any other
   * the compiler checks every index.
   */
  static final int PITCH = LANES >= 16 ? ROWS : 8;

  /**
   * Whether rows are interleaved when copied, where registers for the addresses of many are scarce.
   */
  static final boolean INTERLEAVED = LANES < 16;

  private Tiles() {}

  /** Sets a wide tile to zeros. */
  static void clear(float[] c, int cOffset, int cStride) {
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int i = 0; i < ROWS; i++) {
      zero.intoArray(c, cOffset + i * cStride);
      zero.intoArray(c, cOffset + i * cStride + LANES);
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
