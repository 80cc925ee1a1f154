package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of a product whose result is one vector wide, such as those with a LoRA
 * matrix: as {@link WideTiles}, but the left operand may be read where it lies, because packing it
 * would cost as much as the product.
 *
 * <p>The tile is {@code (Tiles.ROWS, LANES)}, its rows one after the other; the right operand is
 * packed, {@code (depth, LANES)}.
 */
final class NarrowTiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final Class<? extends FloatVector> TYPE = Lanes.TYPE;
  private static final int LANES = Lanes.COUNT;

  private NarrowTiles() {}

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
      int cOffset) {
    if (Tiles.ROWS == 12) {
      rows12(depth, a, aOffset, aStride, b, bOffset, c, cOffset);
    } else {
      rows6(depth, a, aOffset, aStride, b, bOffset, c, cOffset);
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
      int cOffset) {
    if (Tiles.ROWS == 12) {
      columns12(depth, a, aOffset, aStride, b, bOffset, c, cOffset);
    } else {
      columns6(depth, a, aOffset, aStride, b, bOffset, c, cOffset);
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
      int cOffset) {
    FloatVector c0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c2 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * LANES);
    FloatVector c3 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * LANES);
    FloatVector c4 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * LANES);
    FloatVector c5 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * LANES);
    FloatVector c6 = FloatVector.fromArray(SPECIES, c, cOffset + 6 * LANES);
    FloatVector c7 = FloatVector.fromArray(SPECIES, c, cOffset + 7 * LANES);
    FloatVector c8 = FloatVector.fromArray(SPECIES, c, cOffset + 8 * LANES);
    FloatVector c9 = FloatVector.fromArray(SPECIES, c, cOffset + 9 * LANES);
    FloatVector c10 = FloatVector.fromArray(SPECIES, c, cOffset + 10 * LANES);
    FloatVector c11 = FloatVector.fromArray(SPECIES, c, cOffset + 11 * LANES);
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
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + k]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[row1 + k]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[row2 + k]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[row3 + k]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[row4 + k]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[row5 + k]);
      c5 = a5.fma(b0, c5);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[row6 + k]);
      c6 = a6.fma(b0, c6);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[row7 + k]);
      c7 = a7.fma(b0, c7);
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[row8 + k]);
      c8 = a8.fma(b0, c8);
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[row9 + k]);
      c9 = a9.fma(b0, c9);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[row10 + k]);
      c10 = a10.fma(b0, c10);
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[row11 + k]);
      c11 = a11.fma(b0, c11);
    }
    TYPE.cast(c0).intoArray(c, cOffset);
    TYPE.cast(c1).intoArray(c, cOffset + LANES);
    TYPE.cast(c2).intoArray(c, cOffset + 2 * LANES);
    TYPE.cast(c3).intoArray(c, cOffset + 3 * LANES);
    TYPE.cast(c4).intoArray(c, cOffset + 4 * LANES);
    TYPE.cast(c5).intoArray(c, cOffset + 5 * LANES);
    TYPE.cast(c6).intoArray(c, cOffset + 6 * LANES);
    TYPE.cast(c7).intoArray(c, cOffset + 7 * LANES);
    TYPE.cast(c8).intoArray(c, cOffset + 8 * LANES);
    TYPE.cast(c9).intoArray(c, cOffset + 9 * LANES);
    TYPE.cast(c10).intoArray(c, cOffset + 10 * LANES);
    TYPE.cast(c11).intoArray(c, cOffset + 11 * LANES);
  }

  private static void columns12(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset) {
    FloatVector c0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c2 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * LANES);
    FloatVector c3 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * LANES);
    FloatVector c4 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * LANES);
    FloatVector c5 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * LANES);
    FloatVector c6 = FloatVector.fromArray(SPECIES, c, cOffset + 6 * LANES);
    FloatVector c7 = FloatVector.fromArray(SPECIES, c, cOffset + 7 * LANES);
    FloatVector c8 = FloatVector.fromArray(SPECIES, c, cOffset + 8 * LANES);
    FloatVector c9 = FloatVector.fromArray(SPECIES, c, cOffset + 9 * LANES);
    FloatVector c10 = FloatVector.fromArray(SPECIES, c, cOffset + 10 * LANES);
    FloatVector c11 = FloatVector.fromArray(SPECIES, c, cOffset + 11 * LANES);
    int at = aOffset;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5 = a5.fma(b0, c5);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[at + 6]);
      c6 = a6.fma(b0, c6);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[at + 7]);
      c7 = a7.fma(b0, c7);
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[at + 8]);
      c8 = a8.fma(b0, c8);
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[at + 9]);
      c9 = a9.fma(b0, c9);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[at + 10]);
      c10 = a10.fma(b0, c10);
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[at + 11]);
      c11 = a11.fma(b0, c11);
      at += aStride;
    }
    TYPE.cast(c0).intoArray(c, cOffset);
    TYPE.cast(c1).intoArray(c, cOffset + LANES);
    TYPE.cast(c2).intoArray(c, cOffset + 2 * LANES);
    TYPE.cast(c3).intoArray(c, cOffset + 3 * LANES);
    TYPE.cast(c4).intoArray(c, cOffset + 4 * LANES);
    TYPE.cast(c5).intoArray(c, cOffset + 5 * LANES);
    TYPE.cast(c6).intoArray(c, cOffset + 6 * LANES);
    TYPE.cast(c7).intoArray(c, cOffset + 7 * LANES);
    TYPE.cast(c8).intoArray(c, cOffset + 8 * LANES);
    TYPE.cast(c9).intoArray(c, cOffset + 9 * LANES);
    TYPE.cast(c10).intoArray(c, cOffset + 10 * LANES);
    TYPE.cast(c11).intoArray(c, cOffset + 11 * LANES);
  }

  private static void rows6(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset) {
    FloatVector c0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c2 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * LANES);
    FloatVector c3 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * LANES);
    FloatVector c4 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * LANES);
    FloatVector c5 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * LANES);
    int row1 = aOffset + aStride;
    int row2 = aOffset + 2 * aStride;
    int row3 = aOffset + 3 * aStride;
    int row4 = aOffset + 4 * aStride;
    int row5 = aOffset + 5 * aStride;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + k]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[row1 + k]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[row2 + k]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[row3 + k]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[row4 + k]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[row5 + k]);
      c5 = a5.fma(b0, c5);
    }
    TYPE.cast(c0).intoArray(c, cOffset);
    TYPE.cast(c1).intoArray(c, cOffset + LANES);
    TYPE.cast(c2).intoArray(c, cOffset + 2 * LANES);
    TYPE.cast(c3).intoArray(c, cOffset + 3 * LANES);
    TYPE.cast(c4).intoArray(c, cOffset + 4 * LANES);
    TYPE.cast(c5).intoArray(c, cOffset + 5 * LANES);
  }

  private static void columns6(
      int depth,
      float[] a,
      int aOffset,
      int aStride,
      float[] b,
      int bOffset,
      float[] c,
      int cOffset) {
    FloatVector c0 = FloatVector.fromArray(SPECIES, c, cOffset);
    FloatVector c1 = FloatVector.fromArray(SPECIES, c, cOffset + LANES);
    FloatVector c2 = FloatVector.fromArray(SPECIES, c, cOffset + 2 * LANES);
    FloatVector c3 = FloatVector.fromArray(SPECIES, c, cOffset + 3 * LANES);
    FloatVector c4 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * LANES);
    FloatVector c5 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * LANES);
    int at = aOffset;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, bOffset + k * LANES);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0 = a0.fma(b0, c0);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1 = a1.fma(b0, c1);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2 = a2.fma(b0, c2);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3 = a3.fma(b0, c3);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4 = a4.fma(b0, c4);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5 = a5.fma(b0, c5);
      at += aStride;
    }
    TYPE.cast(c0).intoArray(c, cOffset);
    TYPE.cast(c1).intoArray(c, cOffset + LANES);
    TYPE.cast(c2).intoArray(c, cOffset + 2 * LANES);
    TYPE.cast(c3).intoArray(c, cOffset + 3 * LANES);
    TYPE.cast(c4).intoArray(c, cOffset + 4 * LANES);
    TYPE.cast(c5).intoArray(c, cOffset + 5 * LANES);
  }
}
