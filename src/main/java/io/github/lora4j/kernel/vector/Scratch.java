package io.github.lora4j.kernel.vector;

/** The buffers in which one thread packs operands. */
final class Scratch {

  /**
   * The inner dimension is taken in blocks of at most this size: a panel of it and rows of the left
   * operand fit the second cache, and a tile of the result is fetched seldom.
   */
  static final int DEPTH = 768;

  /** The most rows of the left operand in use at a time: a multiple of both tile heights. */
  static final int LEFT_ROWS = 48;

  private static final ThreadLocal<Scratch> CURRENT = ThreadLocal.withInitial(Scratch::new);

  private final Slivers left = new Slivers();
  private final float[] tile = new float[Tiles.ROWS * Tiles.WIDE];
  private final float[] square = new float[Tiles.WIDE * Tiles.WIDE];
  private float[] right = new float[0];
  private float[] first = new float[0];
  private float[] second = new float[0];
  private float[] hidden = new float[0];
  private float[] result = new float[0];

  private Scratch() {}

  /** The buffers of the calling thread. */
  static Scratch current() {
    return CURRENT.get();
  }

  /** Rows of the left operand. */
  Slivers left() {
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

  /** For the first operand of a low-rank product; as {@link #right}. */
  float[] first(int length) {
    if (first.length < length) {
      first = new float[length];
    }
    return first;
  }

  /** For the second operand of a low-rank product; as {@link #right}. */
  float[] second(int length) {
    if (second.length < length) {
      second = new float[length];
    }
    return second;
  }

  /** For rows of what is between the two. */
  float[] hidden(int length) {
    if (hidden.length < length) {
      hidden = new float[length];
    }
    return hidden;
  }

  /** For a square of a weight that is not held as floats, {@code (WIDE, WIDE)}. */
  float[] square() {
    return square;
  }

  /** For a block of a result. */
  float[] result(int length) {
    if (result.length < length) {
      result = new float[length];
    }
    return result;
  }
}
