package io.github.lora4j.kernel.vector;

import java.lang.invoke.VarHandle;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loop of a product whose left operand has short rows: as {@link WideTiles}, but the
 * rows of the left operand are not interleaved. They lie at a constant distance, so that one index
 * still serves both operands, and need not be turned. The two differ in their indices alone, but
 * those must be constants for the compiler.
 */
final class RowTiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final Class<? extends FloatVector> TYPE = Lanes.TYPE;
  private static final int LANES = Lanes.COUNT;
  private static final int WIDE = Tiles.WIDE;
  private static final int START = Panels.START;

  /** The distance of two rows of the left operand, and the most elements of one. */
  static final int LENGTH = 64;

  private RowTiles() {}

  /**
   * Writes {@code a b}.
   *
   * @param depth the inner dimension, at most LENGTH
   * @param a {@code (ROWS, LENGTH)}, of which the first columns count
   * @param aOffset where it begins
   * @param b {@code (depth, WIDE)}
   * @param bOffset where it begins
   * @param c takes the tile, {@code (ROWS, WIDE)}, from {@link Panels#START} on
   */
  static void multiply(int depth, float[] a, int aOffset, float[] b, int bOffset, float[] c) {
    int even = depth - depth % 2;
    if (Tiles.ROWS == 12) {
      multiply12(even, a, aOffset, b, bOffset, c);
    } else {
      multiply6(even, a, aOffset, b, bOffset, c);
    }
    if (even < depth) {
      WideTiles.addStep(a, aOffset + even, LENGTH, b, bOffset + even * WIDE, c);
    }
  }

  private static void multiply12(
      int depth, float[] a, int aOffset, float[] b, int bOffset, float[] c) {
    FloatVector c0x0 = FloatVector.zero(SPECIES);
    FloatVector c0x1 = FloatVector.zero(SPECIES);
    FloatVector c1x0 = FloatVector.zero(SPECIES);
    FloatVector c1x1 = FloatVector.zero(SPECIES);
    FloatVector c2x0 = FloatVector.zero(SPECIES);
    FloatVector c2x1 = FloatVector.zero(SPECIES);
    FloatVector c3x0 = FloatVector.zero(SPECIES);
    FloatVector c3x1 = FloatVector.zero(SPECIES);
    FloatVector c4x0 = FloatVector.zero(SPECIES);
    FloatVector c4x1 = FloatVector.zero(SPECIES);
    FloatVector c5x0 = FloatVector.zero(SPECIES);
    FloatVector c5x1 = FloatVector.zero(SPECIES);
    FloatVector c6x0 = FloatVector.zero(SPECIES);
    FloatVector c6x1 = FloatVector.zero(SPECIES);
    FloatVector c7x0 = FloatVector.zero(SPECIES);
    FloatVector c7x1 = FloatVector.zero(SPECIES);
    FloatVector c8x0 = FloatVector.zero(SPECIES);
    FloatVector c8x1 = FloatVector.zero(SPECIES);
    FloatVector c9x0 = FloatVector.zero(SPECIES);
    FloatVector c9x1 = FloatVector.zero(SPECIES);
    FloatVector c10x0 = FloatVector.zero(SPECIES);
    FloatVector c10x1 = FloatVector.zero(SPECIES);
    FloatVector c11x0 = FloatVector.zero(SPECIES);
    FloatVector c11x1 = FloatVector.zero(SPECIES);
    int fromAToB = bOffset - WIDE * aOffset;
    int end = aOffset + depth;
    int at = aOffset;
    for (; at < end; at += 2) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE * at);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + WIDE * at);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      VarHandle.acquireFence();
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + LENGTH]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      VarHandle.acquireFence();
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2 * LENGTH]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      VarHandle.acquireFence();
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3 * LENGTH]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      VarHandle.acquireFence();
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4 * LENGTH]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      VarHandle.acquireFence();
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5 * LENGTH]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      VarHandle.acquireFence();
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[at + 6 * LENGTH]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      VarHandle.acquireFence();
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[at + 7 * LENGTH]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      VarHandle.acquireFence();
      FloatVector a8 = FloatVector.broadcast(SPECIES, a[at + 8 * LENGTH]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      VarHandle.acquireFence();
      FloatVector a9 = FloatVector.broadcast(SPECIES, a[at + 9 * LENGTH]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      VarHandle.acquireFence();
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[at + 10 * LENGTH]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      VarHandle.acquireFence();
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[at + 11 * LENGTH]);
      c11x0 = a11.fma(b0, c11x0);
      c11x1 = a11.fma(b1, c11x1);
      VarHandle.acquireFence();
      FloatVector nextB0 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + WIDE * at);
      FloatVector nextB1 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + LANES + WIDE * at);
      FloatVector nextA0 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c0x0 = nextA0.fma(nextB0, c0x0);
      c0x1 = nextA0.fma(nextB1, c0x1);
      VarHandle.acquireFence();
      FloatVector nextA1 = FloatVector.broadcast(SPECIES, a[at + LENGTH + 1]);
      c1x0 = nextA1.fma(nextB0, c1x0);
      c1x1 = nextA1.fma(nextB1, c1x1);
      VarHandle.acquireFence();
      FloatVector nextA2 = FloatVector.broadcast(SPECIES, a[at + 2 * LENGTH + 1]);
      c2x0 = nextA2.fma(nextB0, c2x0);
      c2x1 = nextA2.fma(nextB1, c2x1);
      VarHandle.acquireFence();
      FloatVector nextA3 = FloatVector.broadcast(SPECIES, a[at + 3 * LENGTH + 1]);
      c3x0 = nextA3.fma(nextB0, c3x0);
      c3x1 = nextA3.fma(nextB1, c3x1);
      VarHandle.acquireFence();
      FloatVector nextA4 = FloatVector.broadcast(SPECIES, a[at + 4 * LENGTH + 1]);
      c4x0 = nextA4.fma(nextB0, c4x0);
      c4x1 = nextA4.fma(nextB1, c4x1);
      VarHandle.acquireFence();
      FloatVector nextA5 = FloatVector.broadcast(SPECIES, a[at + 5 * LENGTH + 1]);
      c5x0 = nextA5.fma(nextB0, c5x0);
      c5x1 = nextA5.fma(nextB1, c5x1);
      VarHandle.acquireFence();
      FloatVector nextA6 = FloatVector.broadcast(SPECIES, a[at + 6 * LENGTH + 1]);
      c6x0 = nextA6.fma(nextB0, c6x0);
      c6x1 = nextA6.fma(nextB1, c6x1);
      VarHandle.acquireFence();
      FloatVector nextA7 = FloatVector.broadcast(SPECIES, a[at + 7 * LENGTH + 1]);
      c7x0 = nextA7.fma(nextB0, c7x0);
      c7x1 = nextA7.fma(nextB1, c7x1);
      VarHandle.acquireFence();
      FloatVector nextA8 = FloatVector.broadcast(SPECIES, a[at + 8 * LENGTH + 1]);
      c8x0 = nextA8.fma(nextB0, c8x0);
      c8x1 = nextA8.fma(nextB1, c8x1);
      VarHandle.acquireFence();
      FloatVector nextA9 = FloatVector.broadcast(SPECIES, a[at + 9 * LENGTH + 1]);
      c9x0 = nextA9.fma(nextB0, c9x0);
      c9x1 = nextA9.fma(nextB1, c9x1);
      VarHandle.acquireFence();
      FloatVector nextA10 = FloatVector.broadcast(SPECIES, a[at + 10 * LENGTH + 1]);
      c10x0 = nextA10.fma(nextB0, c10x0);
      c10x1 = nextA10.fma(nextB1, c10x1);
      VarHandle.acquireFence();
      FloatVector nextA11 = FloatVector.broadcast(SPECIES, a[at + 11 * LENGTH + 1]);
      c11x0 = nextA11.fma(nextB0, c11x0);
      c11x1 = nextA11.fma(nextB1, c11x1);
      VarHandle.acquireFence();
    }
    TYPE.cast(c0x0).intoArray(c, START);
    TYPE.cast(c0x1).intoArray(c, START + LANES);
    TYPE.cast(c1x0).intoArray(c, START + WIDE);
    TYPE.cast(c1x1).intoArray(c, START + WIDE + LANES);
    TYPE.cast(c2x0).intoArray(c, START + 2 * WIDE);
    TYPE.cast(c2x1).intoArray(c, START + 2 * WIDE + LANES);
    TYPE.cast(c3x0).intoArray(c, START + 3 * WIDE);
    TYPE.cast(c3x1).intoArray(c, START + 3 * WIDE + LANES);
    TYPE.cast(c4x0).intoArray(c, START + 4 * WIDE);
    TYPE.cast(c4x1).intoArray(c, START + 4 * WIDE + LANES);
    TYPE.cast(c5x0).intoArray(c, START + 5 * WIDE);
    TYPE.cast(c5x1).intoArray(c, START + 5 * WIDE + LANES);
    TYPE.cast(c6x0).intoArray(c, START + 6 * WIDE);
    TYPE.cast(c6x1).intoArray(c, START + 6 * WIDE + LANES);
    TYPE.cast(c7x0).intoArray(c, START + 7 * WIDE);
    TYPE.cast(c7x1).intoArray(c, START + 7 * WIDE + LANES);
    TYPE.cast(c8x0).intoArray(c, START + 8 * WIDE);
    TYPE.cast(c8x1).intoArray(c, START + 8 * WIDE + LANES);
    TYPE.cast(c9x0).intoArray(c, START + 9 * WIDE);
    TYPE.cast(c9x1).intoArray(c, START + 9 * WIDE + LANES);
    TYPE.cast(c10x0).intoArray(c, START + 10 * WIDE);
    TYPE.cast(c10x1).intoArray(c, START + 10 * WIDE + LANES);
    TYPE.cast(c11x0).intoArray(c, START + 11 * WIDE);
    TYPE.cast(c11x1).intoArray(c, START + 11 * WIDE + LANES);
  }

  private static void multiply6(
      int depth, float[] a, int aOffset, float[] b, int bOffset, float[] c) {
    FloatVector c0x0 = FloatVector.zero(SPECIES);
    FloatVector c0x1 = FloatVector.zero(SPECIES);
    FloatVector c1x0 = FloatVector.zero(SPECIES);
    FloatVector c1x1 = FloatVector.zero(SPECIES);
    FloatVector c2x0 = FloatVector.zero(SPECIES);
    FloatVector c2x1 = FloatVector.zero(SPECIES);
    FloatVector c3x0 = FloatVector.zero(SPECIES);
    FloatVector c3x1 = FloatVector.zero(SPECIES);
    FloatVector c4x0 = FloatVector.zero(SPECIES);
    FloatVector c4x1 = FloatVector.zero(SPECIES);
    FloatVector c5x0 = FloatVector.zero(SPECIES);
    FloatVector c5x1 = FloatVector.zero(SPECIES);
    int fromAToB = bOffset - WIDE * aOffset;
    int end = aOffset + depth;
    int at = aOffset;
    for (; at < end; at += 2) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE * at);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + WIDE * at);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      VarHandle.acquireFence();
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + LENGTH]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      VarHandle.acquireFence();
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2 * LENGTH]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      VarHandle.acquireFence();
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3 * LENGTH]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      VarHandle.acquireFence();
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4 * LENGTH]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      VarHandle.acquireFence();
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5 * LENGTH]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      VarHandle.acquireFence();
      FloatVector nextB0 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + WIDE * at);
      FloatVector nextB1 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + LANES + WIDE * at);
      FloatVector nextA0 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c0x0 = nextA0.fma(nextB0, c0x0);
      c0x1 = nextA0.fma(nextB1, c0x1);
      VarHandle.acquireFence();
      FloatVector nextA1 = FloatVector.broadcast(SPECIES, a[at + LENGTH + 1]);
      c1x0 = nextA1.fma(nextB0, c1x0);
      c1x1 = nextA1.fma(nextB1, c1x1);
      VarHandle.acquireFence();
      FloatVector nextA2 = FloatVector.broadcast(SPECIES, a[at + 2 * LENGTH + 1]);
      c2x0 = nextA2.fma(nextB0, c2x0);
      c2x1 = nextA2.fma(nextB1, c2x1);
      VarHandle.acquireFence();
      FloatVector nextA3 = FloatVector.broadcast(SPECIES, a[at + 3 * LENGTH + 1]);
      c3x0 = nextA3.fma(nextB0, c3x0);
      c3x1 = nextA3.fma(nextB1, c3x1);
      VarHandle.acquireFence();
      FloatVector nextA4 = FloatVector.broadcast(SPECIES, a[at + 4 * LENGTH + 1]);
      c4x0 = nextA4.fma(nextB0, c4x0);
      c4x1 = nextA4.fma(nextB1, c4x1);
      VarHandle.acquireFence();
      FloatVector nextA5 = FloatVector.broadcast(SPECIES, a[at + 5 * LENGTH + 1]);
      c5x0 = nextA5.fma(nextB0, c5x0);
      c5x1 = nextA5.fma(nextB1, c5x1);
      VarHandle.acquireFence();
    }
    TYPE.cast(c0x0).intoArray(c, START);
    TYPE.cast(c0x1).intoArray(c, START + LANES);
    TYPE.cast(c1x0).intoArray(c, START + WIDE);
    TYPE.cast(c1x1).intoArray(c, START + WIDE + LANES);
    TYPE.cast(c2x0).intoArray(c, START + 2 * WIDE);
    TYPE.cast(c2x1).intoArray(c, START + 2 * WIDE + LANES);
    TYPE.cast(c3x0).intoArray(c, START + 3 * WIDE);
    TYPE.cast(c3x1).intoArray(c, START + 3 * WIDE + LANES);
    TYPE.cast(c4x0).intoArray(c, START + 4 * WIDE);
    TYPE.cast(c4x1).intoArray(c, START + 4 * WIDE + LANES);
    TYPE.cast(c5x0).intoArray(c, START + 5 * WIDE);
    TYPE.cast(c5x1).intoArray(c, START + 5 * WIDE + LANES);
  }
}
