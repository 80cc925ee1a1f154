package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of a wide product whose left operand is the transpose of a packed weight, as
 * {@link Tiles} but for that operand: it is read in the panels {@code (panel, row, WIDE)} of {@link
 * FrozenWeight}, where the inner index runs through a row of a panel and then to the next panel.
 */
final class PanelTiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;
  private static final int WIDE = Tiles.WIDE;
  private static final int MASK = WIDE - 1;
  private static final int SHIFT = Integer.numberOfTrailingZeros(WIDE);

  private PanelTiles() {}

  /**
   * Adds {@code a b} to a tile of {@link Tiles#ROWS} rows. Element (i, k) of {@code a} stands at
   * {@code aOffset + k / WIDE * aPanelStride + i * WIDE + k % WIDE}; {@code b} is {@code (depth,
   * WIDE)}, packed.
   */
  static void wide(
      int depth,
      float[] a,
      int aOffset,
      int aPanelStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset,
      int cStride) {
    if (Tiles.ROWS == 12) {
      wide12(depth, a, aOffset, aPanelStride, b, bOffset, c, cOffset, cStride);
    } else {
      wide6(depth, a, aOffset, aPanelStride, b, bOffset, c, cOffset, cStride);
    }
  }

  private static void wide12(
      int depth,
      float[] a,
      int aOffset,
      int aPanelStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset,
      int cStride) {
    FloatVector c0x0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c0x1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c1x0 = FloatVector.fromArray(SPECIES, c, cOffset + cStride);
    FloatVector c1x1 = FloatVector.fromArray(SPECIES, c, cOffset + cStride + LANES);
    FloatVector c2x0 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * cStride);
    FloatVector c2x1 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * cStride + LANES);
    FloatVector c3x0 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * cStride);
    FloatVector c3x1 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * cStride + LANES);
    FloatVector c4x0 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride);
    FloatVector c4x1 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride + LANES);
    FloatVector c5x0 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride);
    FloatVector c5x1 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride + LANES);
    FloatVector c6x0 = FloatVector.fromArray(SPECIES, c, cOffset + 6 * cStride);
    FloatVector c6x1 = FloatVector.fromArray(SPECIES, c, cOffset + 6 * cStride + LANES);
    FloatVector c7x0 = FloatVector.fromArray(SPECIES, c, cOffset + 7 * cStride);
    FloatVector c7x1 = FloatVector.fromArray(SPECIES, c, cOffset + 7 * cStride + LANES);
    FloatVector c8x0 = FloatVector.fromArray(SPECIES, c, cOffset + 8 * cStride);
    FloatVector c8x1 = FloatVector.fromArray(SPECIES, c, cOffset + 8 * cStride + LANES);
    FloatVector c9x0 = FloatVector.fromArray(SPECIES, c, cOffset + 9 * cStride);
    FloatVector c9x1 = FloatVector.fromArray(SPECIES, c, cOffset + 9 * cStride + LANES);
    FloatVector c10x0 = FloatVector.fromArray(SPECIES, c, cOffset + 10 * cStride);
    FloatVector c10x1 = FloatVector.fromArray(SPECIES, c, cOffset + 10 * cStride + LANES);
    FloatVector c11x0 = FloatVector.fromArray(SPECIES, c, cOffset + 11 * cStride);
    FloatVector c11x1 = FloatVector.fromArray(SPECIES, c, cOffset + 11 * cStride + LANES);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * WIDE);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + k * WIDE + LANES);
      int at = aOffset + (k >>> SHIFT) * aPanelStride + (k & MASK);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + WIDE]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2 * WIDE]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3 * WIDE]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4 * WIDE]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5 * WIDE]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[at + 6 * WIDE]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[at + 7 * WIDE]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[at + 8 * WIDE]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[at + 9 * WIDE]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[at + 10 * WIDE]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[at + 11 * WIDE]);
      c11x0 = a11.fma(b0, c11x0);
      c11x1 = a11.fma(b1, c11x1);
    }
    c0x0.intoArray(c, cOffset);
    c0x1.intoArray(c, cOffset + LANES);
    c1x0.intoArray(c, cOffset + cStride);
    c1x1.intoArray(c, cOffset + cStride + LANES);
    c2x0.intoArray(c, cOffset + 2 * cStride);
    c2x1.intoArray(c, cOffset + 2 * cStride + LANES);
    c3x0.intoArray(c, cOffset + 3 * cStride);
    c3x1.intoArray(c, cOffset + 3 * cStride + LANES);
    c4x0.intoArray(c, cOffset + 4 * cStride);
    c4x1.intoArray(c, cOffset + 4 * cStride + LANES);
    c5x0.intoArray(c, cOffset + 5 * cStride);
    c5x1.intoArray(c, cOffset + 5 * cStride + LANES);
    c6x0.intoArray(c, cOffset + 6 * cStride);
    c6x1.intoArray(c, cOffset + 6 * cStride + LANES);
    c7x0.intoArray(c, cOffset + 7 * cStride);
    c7x1.intoArray(c, cOffset + 7 * cStride + LANES);
    c8x0.intoArray(c, cOffset + 8 * cStride);
    c8x1.intoArray(c, cOffset + 8 * cStride + LANES);
    c9x0.intoArray(c, cOffset + 9 * cStride);
    c9x1.intoArray(c, cOffset + 9 * cStride + LANES);
    c10x0.intoArray(c, cOffset + 10 * cStride);
    c10x1.intoArray(c, cOffset + 10 * cStride + LANES);
    c11x0.intoArray(c, cOffset + 11 * cStride);
    c11x1.intoArray(c, cOffset + 11 * cStride + LANES);
  }

  private static void wide6(
      int depth,
      float[] a,
      int aOffset,
      int aPanelStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset,
      int cStride) {
    FloatVector c0x0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c0x1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c1x0 = FloatVector.fromArray(SPECIES, c, cOffset + cStride);
    FloatVector c1x1 = FloatVector.fromArray(SPECIES, c, cOffset + cStride + LANES);
    FloatVector c2x0 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * cStride);
    FloatVector c2x1 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * cStride + LANES);
    FloatVector c3x0 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * cStride);
    FloatVector c3x1 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * cStride + LANES);
    FloatVector c4x0 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride);
    FloatVector c4x1 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride + LANES);
    FloatVector c5x0 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride);
    FloatVector c5x1 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride + LANES);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * WIDE);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + k * WIDE + LANES);
      int at = aOffset + (k >>> SHIFT) * aPanelStride + (k & MASK);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + WIDE]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2 * WIDE]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3 * WIDE]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4 * WIDE]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5 * WIDE]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
    }
    c0x0.intoArray(c, cOffset);
    c0x1.intoArray(c, cOffset + LANES);
    c1x0.intoArray(c, cOffset + cStride);
    c1x1.intoArray(c, cOffset + cStride + LANES);
    c2x0.intoArray(c, cOffset + 2 * cStride);
    c2x1.intoArray(c, cOffset + 2 * cStride + LANES);
    c3x0.intoArray(c, cOffset + 3 * cStride);
    c3x1.intoArray(c, cOffset + 3 * cStride + LANES);
    c4x0.intoArray(c, cOffset + 4 * cStride);
    c4x1.intoArray(c, cOffset + 4 * cStride + LANES);
    c5x0.intoArray(c, cOffset + 5 * cStride);
    c5x1.intoArray(c, cOffset + 5 * cStride + LANES);
  }
}
