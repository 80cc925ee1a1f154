package io.github.lora4j.kernel.vector;

/** A right operand {@code (k, n)} in panels {@code (panel, k, WIDE)}, as {@link Tiles} reads it. */
interface RightPanels {

  /**
   * The elements of a panel, inner indices {@code k0} to {@code k1 - 1}.
   *
   * @param widened {@code (k1 - k0, WIDE)}, room for elements that are not held as floats
   * @return the array that holds them
   */
  float[] panel(int panel, int k0, int k1, float[] widened);

  /** Where in that array the first of them stands. */
  int panelOffset(int panel, int k0);

  /** An operand that was packed for one product. */
  record Packed(float[] elements, int depth) implements RightPanels {
    @Override
    public float[] panel(int panel, int k0, int k1, float[] widened) {
      return elements;
    }

    @Override
    public int panelOffset(int panel, int k0) {
      return (panel * depth + k0) * Tiles.WIDE;
    }
  }
}
