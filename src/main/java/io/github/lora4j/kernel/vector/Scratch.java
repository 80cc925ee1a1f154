package io.github.lora4j.kernel.vector;

/** The buffers in which one thread packs operands. */
final class Scratch {

  /** The inner dimension is taken in blocks of this size: a panel of it fits the first cache. */
  static final int DEPTH = 384;

  /**
   * The most rows of the left operand that are packed at a time: a multiple of both tile heights.
   */
  static final int LEFT_ROWS = 60;

  private static final ThreadLocal<Scratch> CURRENT = ThreadLocal.withInitial(Scratch::new);

  private final float[] left = new float[LEFT_ROWS * (DEPTH + Lanes.COUNT)];
  private final float[] tile = new float[Tiles.ROWS * Tiles.WIDE];
  private final float[] widened = new float[DEPTH * Tiles.WIDE];
  private float[] right = new float[0];
  private float[] second = new float[0];
  private float[] lowRankLeft = new float[0];
  private float[] result = new float[0];

  private Scratch() {}

  /** The buffers of the calling thread. */
  static Scratch current() {
    return CURRENT.get();
  }

  /** For rows of the left operand, {@code LEFT_ROWS} of one more vector than {@code DEPTH}. */
  float[] left() {
    return left;
  }

  /** For a tile of the result. */
  float[] tile() {
    return tile;
  }

  /** For a whole right operand; lasts until this thread asks again. */
  float[] right(int length) {
    if (right.length < length) {
      right = new float[length];
    }
    return right;
  }

  /** For the right operand of the product that is added to another; as {@link #right}. */
  float[] second(int length) {
    if (second.length < length) {
      second = new float[length];
    }
    return second;
  }

  /** For the rows of the left operand of that product, {@code LEFT_ROWS * rank} long. */
  float[] lowRankLeft(int rank) {
    if (lowRankLeft.length < LEFT_ROWS * rank) {
      lowRankLeft = new float[LEFT_ROWS * rank];
    }
    return lowRankLeft;
  }

  /** For a panel of a weight that is not held as floats, {@code DEPTH * WIDE} long. */
  float[] widened() {
    return widened;
  }

  /** For a block of a result. */
  float[] result(int length) {
    if (result.length < length) {
      result = new float[length];
    }
    return result;
  }
}
