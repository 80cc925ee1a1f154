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
   * Rows of a tile: twelve where there are 32 registers, as with vectors of 512 bits. With 16, six
   * rows leave one register and are stored and fetched in the loop; five are not, but their loop
   * has more instructions for a fma, which counts where a core is shared.
   */
  static final int ROWS = LANES >= 16 ? 12 : 4;

  /**
   * Whether rows are interleaved when copied. A tile of many rows hides the addresses of rows that
   * lie apart.
   */
  static final boolean INTERLEAVED = LANES < 16;

  /** How many slivers of rows share an interleaved copy: they fill the width of a panel. */
  static final int GROUP = INTERLEAVED ? WIDE / ROWS : 1;

  /**
   * The distance of two columns in an interleaved copy; where it is WIDE, one index serves both.
   */
  static final int PITCH = GROUP * ROWS;

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
