package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.CacheLines;

/** The buffers in which one thread works on a block of a matrix product. */
final class Scratch {

  /** The inner dimension is taken in blocks of this size: the rows of one fit the second cache. */
  static final int DEPTH = 128;

  /** The most columns of a block: a tile and two rows of the right operand fit the first cache. */
  static final int WIDTH = 768;

  /**
   * The length of a row. With the header of an array it makes a multiple of 64 bytes, so that rows
   * allocated one after the other begin at the same place of a cache line, and a loop over some of
   * them is aligned for all or for none.
   */
  private static final int LENGTH = WIDTH + CacheLines.FIRST;

  private static final ThreadLocal<Scratch> CURRENT = ThreadLocal.withInitial(Scratch::new);

  private final float[][] tile = new float[Tile.ROWS][LENGTH];
  private final float[][] right = new float[DEPTH][LENGTH];

  private Scratch() {}

  /** The buffers of the calling thread. */
  static Scratch current() {
    return CURRENT.get();
  }

  /** For some rows of the result. */
  float[][] tile() {
    return tile;
  }

  /** For a block of the right operand. */
  float[][] right() {
    return right;
  }
}
