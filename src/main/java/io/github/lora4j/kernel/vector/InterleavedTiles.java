package io.github.lora4j.kernel.vector;

import java.lang.invoke.VarHandle;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loop of a wide product where there are 16 vector registers: a tile of six rows of
 * two vectors, twelve registers, stays in them while the inner dimension goes by; two more hold a
 * row of the right operand, one an element of the left. Where two hardware threads share a core the
 * instructions for a fma set the speed, so columns of the left operand are consecutive and two of
 * them are taken at a time.
 *
 * <p>The fences order nothing that another thread sees and become no instruction. Without them the
 * compiler fetches the elements of all rows first, runs out of registers, and keeps sums in memory:
 * half the speed.
 *
 * <p>An element of the tile starts at what stands in {@code c} and the products are added to it by
 * fma in ascending order of the inner index, as in {@link WideTiles}.
 */
final class InterleavedTiles {

  private static final VectorSpecies<Float> SPECIES = Lanes.SPECIES;
  private static final int LANES = Lanes.COUNT;
  private static final int WIDE = Tiles.WIDE;
  private static final int PITCH = Tiles.PITCH;

  /** How far the right operand goes while the left one goes one element. */
  private static final int B_FOR_A = WIDE / PITCH;

  private InterleavedTiles() {}

  /**
   * Adds {@code a b} to the tile.
   *
   * @param depth the inner dimension
   * @param a {@code (depth, PITCH)}, of which the first ROWS columns count
   * @param aOffset where it begins
   * @param b {@code (depth, WIDE)}
   * @param bOffset where it begins
   * @param c holds the tile
   * @param cOffset where it begins
   * @param cStride the distance of its rows
   */
  static void add(
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
    FloatVector c4x0 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride);
    FloatVector c4x1 = FloatVector.fromArray(SPECIES, c, cOffset + 4 * cStride + LANES);
    FloatVector c5x0 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride);
    FloatVector c5x1 = FloatVector.fromArray(SPECIES, c, cOffset + 5 * cStride + LANES);
    int fromAToB = bOffset - B_FOR_A * aOffset;
    int at = aOffset;
    int end = aOffset + (depth - depth % 2) * PITCH;
    for (; at < end; at += 2 * PITCH) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, fromAToB + B_FOR_A * at);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + B_FOR_A * at);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      VarHandle.acquireFence();
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      VarHandle.acquireFence();
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      VarHandle.acquireFence();
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      VarHandle.acquireFence();
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      VarHandle.acquireFence();
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      VarHandle.acquireFence();
      FloatVector nextB0 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + B_FOR_A * at);
      FloatVector nextB1 =
          FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + LANES + B_FOR_A * at);
      FloatVector nextA0 = FloatVector.broadcast(SPECIES, a[at + PITCH]);
      c0x0 = nextA0.fma(nextB0, c0x0);
      c0x1 = nextA0.fma(nextB1, c0x1);
      VarHandle.acquireFence();
      FloatVector nextA1 = FloatVector.broadcast(SPECIES, a[at + PITCH + 1]);
      c1x0 = nextA1.fma(nextB0, c1x0);
      c1x1 = nextA1.fma(nextB1, c1x1);
      VarHandle.acquireFence();
      FloatVector nextA2 = FloatVector.broadcast(SPECIES, a[at + PITCH + 2]);
      c2x0 = nextA2.fma(nextB0, c2x0);
      c2x1 = nextA2.fma(nextB1, c2x1);
      VarHandle.acquireFence();
      FloatVector nextA3 = FloatVector.broadcast(SPECIES, a[at + PITCH + 3]);
      c3x0 = nextA3.fma(nextB0, c3x0);
      c3x1 = nextA3.fma(nextB1, c3x1);
      VarHandle.acquireFence();
      FloatVector nextA4 = FloatVector.broadcast(SPECIES, a[at + PITCH + 4]);
      c4x0 = nextA4.fma(nextB0, c4x0);
      c4x1 = nextA4.fma(nextB1, c4x1);
      VarHandle.acquireFence();
      FloatVector nextA5 = FloatVector.broadcast(SPECIES, a[at + PITCH + 5]);
      c5x0 = nextA5.fma(nextB0, c5x0);
      c5x1 = nextA5.fma(nextB1, c5x1);
    }
    if (depth % 2 != 0) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, b, fromAToB + B_FOR_A * at);
      FloatVector b1 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + B_FOR_A * at);
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
    }
    int to = cOffset + at - end;
    c0x0.intoArray(c, to);
    c0x1.intoArray(c, to + LANES);
    c1x0.intoArray(c, to + cStride);
    c1x1.intoArray(c, to + cStride + LANES);
    c2x0.intoArray(c, to + 2 * cStride);
    c2x1.intoArray(c, to + 2 * cStride + LANES);
    c3x0.intoArray(c, to + 3 * cStride);
    c3x1.intoArray(c, to + 3 * cStride + LANES);
    c4x0.intoArray(c, to + 4 * cStride);
    c4x1.intoArray(c, to + 4 * cStride + LANES);
    c5x0.intoArray(c, to + 5 * cStride);
    c5x1.intoArray(c, to + 5 * cStride + LANES);
  }
}
