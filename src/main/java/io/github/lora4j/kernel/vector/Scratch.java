package io.github.lora4j.kernel.vector;

/** The buffers in which one thread packs operands. */
final class Scratch {

  private static final ThreadLocal<Scratch> CURRENT = ThreadLocal.withInitial(Scratch::new);

  private final Slivers left = new Slivers();
  private final Slivers hidden = new Slivers();
  private final TileProduct product = new TileProduct();
  private final TileProduct lowRank = new TileProduct();
  private final float[] square = new float[Tiles.WIDE * Tiles.WIDE];
  private final Room right = new Room();
  private final Room panels = new Room();
  private final Room first = new Room();
  private final Room second = new Room();
  private final Room result = new Room();

  private Scratch() {}

  /** The buffers of the calling thread. */
  static Scratch current() {
    return CURRENT.get();
  }

  /** Rows of the left operand. */
  Slivers left() {
    return left;
  }

  /** Rows of what is between the operands of a low-rank product. */
  Slivers hidden() {
    return hidden;
  }

  /** For a tile of the result. */
  TileProduct product() {
    return product;
  }

  /** For what a low-rank product adds to that tile. */
  TileProduct lowRank() {
    return lowRank;
  }

  /** For a whole right operand; lasts until this thread asks again. */
  float[] right(int length) {
    return right.atLeast(length);
  }

  /** For panels of so many elements from {@link Panels#START} on; as {@link #right}. */
  float[] panels(int length) {
    return panels.atLeast(Panels.START + length);
  }

  /** For the first operand of a low-rank product; as {@link #right}. */
  float[] first(int length) {
    return first.atLeast(length);
  }

  /** For the second operand of a low-rank product; as {@link #right}. */
  float[] second(int length) {
    return second.atLeast(length);
  }

  /** For a square of a weight that is not held as floats, {@code (WIDE, WIDE)}. */
  float[] square() {
    return square;
  }

  /** For a block of a result. */
  float[] result(int length) {
    return result.atLeast(length);
  }
}
