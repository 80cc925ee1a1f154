package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of a wide product: a tile of the result, {@link Tiles#ROWS} rows of two
 * vectors, stays in registers while the inner dimension goes by. The right operand is packed,
 * {@code (depth, WIDE)}; the left one is read where it lies, in either orientation.
 *
 * <p>Each method is one loop written out, because a vector that crosses a call which is not inlined
 * is boxed, and a vector in an array is stored. An element of the tile starts at what stands in
 * {@code c} and the products are added to it by fma in ascending order of the inner index; that
 * chain is the same wherever the element stands in the tile.
 */
final class WideTiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;

  private WideTiles() {}

  /**
   * Adds {@code a b} to the tile; element (i, k) of {@code a} stands at {@code aOffset + i aStride
   * + k}.
   */
  static void rows(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset,
      int cStride) {
    if (Tiles.ROWS == 12) {
      rows12(depth, a, aOffset, aStride, b, bOffset, c, cOffset, cStride);
    } else {
      rows4(depth, a, aOffset, aStride, b, bOffset, c, cOffset, cStride);
    }
  }

  /**
   * Adds {@code a b} to the tile; element (i, k) of {@code a} stands at {@code aOffset + k aStride
   * + i}.
   */
  static void columns(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset,
      int cStride) {
    if (Tiles.ROWS == 12) {
      columns12(depth, a, aOffset, aStride, b, bOffset, c, cOffset, cStride);
    } else if (aStride == Tiles.PITCH) {
      interleaved4(depth, a, aOffset, b, bOffset, c, cOffset, cStride);
    } else {
      columns4(depth, a, aOffset, aStride, b, bOffset, c, cOffset, cStride);
    }
  }

  private static void rows12(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
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
    int row1 = aOffset + aStride;
    int row2 = aOffset + 2 * aStride;
    int row3 = aOffset + 3 * aStride;
    int row4 = aOffset + 4 * aStride;
    int row5 = aOffset + 5 * aStride;
    int row6 = aOffset + 6 * aStride;
    int row7 = aOffset + 7 * aStride;
    int row8 = aOffset + 8 * aStride;
    int row9 = aOffset + 9 * aStride;
    int row10 = aOffset + 10 * aStride;
    int row11 = aOffset + 11 * aStride;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * 2 * LANES);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + k * 2 * LANES + LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + k]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[row1 + k]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[row2 + k]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[row3 + k]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[row4 + k]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[row5 + k]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[row6 + k]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[row7 + k]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[row8 + k]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[row9 + k]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[row10 + k]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[row11 + k]);
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

  private static void rows4(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
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
    int row1 = aOffset + aStride;
    int row2 = aOffset + 2 * aStride;
    int row3 = aOffset + 3 * aStride;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * Tiles.WIDE);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + LANES + k * Tiles.WIDE);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + k]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[row1 + k]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[row2 + k]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[row3 + k]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
    }
    c0x0.intoArray(c, cOffset);
    c0x1.intoArray(c, cOffset + LANES);
    c1x0.intoArray(c, cOffset + cStride);
    c1x1.intoArray(c, cOffset + cStride + LANES);
    c2x0.intoArray(c, cOffset + 2 * cStride);
    c2x1.intoArray(c, cOffset + 2 * cStride + LANES);
    c3x0.intoArray(c, cOffset + 3 * cStride);
    c3x1.intoArray(c, cOffset + 3 * cStride + LANES);
  }

  private static void columns12(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
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
    int at = aOffset;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * 2 * LANES);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + k * 2 * LANES + LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[at + 6]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[at + 7]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[at + 8]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[at + 9]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[at + 10]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[at + 11]);
      c11x0 = a11.fma(b0, c11x0);
      c11x1 = a11.fma(b1, c11x1);
      at += aStride;
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

  private static void columns4(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
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
    int at = aOffset;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * Tiles.WIDE);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, bOffset + LANES + k * Tiles.WIDE);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      at += aStride;
    }
    c0x0.intoArray(c, cOffset);
    c0x1.intoArray(c, cOffset + LANES);
    c1x0.intoArray(c, cOffset + cStride);
    c1x1.intoArray(c, cOffset + cStride + LANES);
    c2x0.intoArray(c, cOffset + 2 * cStride);
    c2x1.intoArray(c, cOffset + 2 * cStride + LANES);
    c3x0.intoArray(c, cOffset + 3 * cStride);
    c3x1.intoArray(c, cOffset + 3 * cStride + LANES);
  }

  private static void interleaved4(
      int depth,
      float[] a,
      int aOffset,
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
    int fromAToB = bOffset - aOffset;
    int end = aOffset + depth * Tiles.PITCH;
    for (int i = aOffset; i < end; i += Tiles.PITCH) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, fromAToB + i);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + i);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[i]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[i + 1]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[i + 2]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[i + 3]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
    }
    c0x0.intoArray(c, cOffset);
    c0x1.intoArray(c, cOffset + LANES);
    c1x0.intoArray(c, cOffset + cStride);
    c1x1.intoArray(c, cOffset + cStride + LANES);
    c2x0.intoArray(c, cOffset + 2 * cStride);
    c2x1.intoArray(c, cOffset + 2 * cStride + LANES);
    c3x0.intoArray(c, cOffset + 3 * cStride);
    c3x1.intoArray(c, cOffset + 3 * cStride + LANES);
  }
}
