package io.github.lora4j.kernel.vector;

/** The right operand {@code (k, n)} of a product, in panels of {@link Tiles#WIDE} columns. */
@FunctionalInterface
interface RightOperand {

  /**
   * A block of the operand; lasts until this thread asks for another.
   *
   * @param first the first of its panels
   * @param end the end of them
   * @param k0 the first inner index, a multiple of WIDE
   * @param k1 the end of them
   * @return where the panels are
   */
  Block block(int first, int end, int k0, int k1);

  /**
   * Panels {@code (k1 - k0, WIDE)}; columns that fill up the last one may be anything.
   *
   * @param elements holds them
   * @param offset where the first begins
   * @param step the distance of two
   */
  record Block(float[] elements, int offset, int step) {}

  /** The operand of which all panels are in an array, one after the other. */
  static RightOperand packed(float[] panels, int depth) {
    int step = depth * Tiles.WIDE;
    return (first, end, k0, k1) ->
        new Block(panels, Panels.START + first * step + k0 * Tiles.WIDE, step);
  }
}
