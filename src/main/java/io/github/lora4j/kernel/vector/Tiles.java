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
   * Rows of a tile: with two vectors of a row of the right operand and an element of the left one,
   * twelve fit 32 registers, as there are with vectors of 512 bits, and six fit 16.
   */
  static final int ROWS = LANES < 16 ? 6 : 12;

  /** The distance of two columns of a left operand whose rows are interleaved. */
  static final int PITCH = LANES < 16 ? 8 : 16;

  /**
   * The inner dimension of a product is taken in blocks of at most this size, each a sum of its own
   * that begins at zero: in all products, so that an element is the same bits in any of them. A
   * panel of this size and rows of the left operand fit the second cache, and a tile of the result
   * is fetched seldom.
   */
  static final int DEPTH = 768;

  private Tiles() {}

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
