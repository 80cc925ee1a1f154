package io.github.lora4j.kernel.vector;

import java.lang.invoke.VarHandle;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loop of a wide product where there are 16 vector registers: a tile of six rows of
 * two vectors, twelve registers, stays in them while the inner dimension goes by; two more hold a
 * row of the right operand, one an element of the left. Where two hardware threads share a core,
 * instructions that are no fma set the speed: so columns of the left operand are consecutive, one
 * index serves both operands, and four steps are taken at a time.
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
    int end = aOffset + (depth - depth % 4) * PITCH;
    for (; at < end; at += 4 * PITCH) {
      FloatVector b00 = FloatVector.fromArray(SPECIES, b, fromAToB + B_FOR_A * at);
      FloatVector b01 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + B_FOR_A * at);
      FloatVector a00 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a00.fma(b00, c0x0);
      c0x1 = a00.fma(b01, c0x1);
      VarHandle.acquireFence();
      FloatVector a01 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1x0 = a01.fma(b00, c1x0);
      c1x1 = a01.fma(b01, c1x1);
      VarHandle.acquireFence();
      FloatVector a02 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2x0 = a02.fma(b00, c2x0);
      c2x1 = a02.fma(b01, c2x1);
      VarHandle.acquireFence();
      FloatVector a03 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3x0 = a03.fma(b00, c3x0);
      c3x1 = a03.fma(b01, c3x1);
      VarHandle.acquireFence();
      FloatVector a04 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4x0 = a04.fma(b00, c4x0);
      c4x1 = a04.fma(b01, c4x1);
      VarHandle.acquireFence();
      FloatVector a05 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5x0 = a05.fma(b00, c5x0);
      c5x1 = a05.fma(b01, c5x1);
      VarHandle.acquireFence();
      FloatVector b10 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + B_FOR_A * at);
      FloatVector b11 = FloatVector.fromArray(SPECIES, b, fromAToB + WIDE + LANES + B_FOR_A * at);
      FloatVector a10 = FloatVector.broadcast(SPECIES, a[at + PITCH]);
      c0x0 = a10.fma(b10, c0x0);
      c0x1 = a10.fma(b11, c0x1);
      VarHandle.acquireFence();
      FloatVector a11 = FloatVector.broadcast(SPECIES, a[at + PITCH + 1]);
      c1x0 = a11.fma(b10, c1x0);
      c1x1 = a11.fma(b11, c1x1);
      VarHandle.acquireFence();
      FloatVector a12 = FloatVector.broadcast(SPECIES, a[at + PITCH + 2]);
      c2x0 = a12.fma(b10, c2x0);
      c2x1 = a12.fma(b11, c2x1);
      VarHandle.acquireFence();
      FloatVector a13 = FloatVector.broadcast(SPECIES, a[at + PITCH + 3]);
      c3x0 = a13.fma(b10, c3x0);
      c3x1 = a13.fma(b11, c3x1);
      VarHandle.acquireFence();
      FloatVector a14 = FloatVector.broadcast(SPECIES, a[at + PITCH + 4]);
      c4x0 = a14.fma(b10, c4x0);
      c4x1 = a14.fma(b11, c4x1);
      VarHandle.acquireFence();
      FloatVector a15 = FloatVector.broadcast(SPECIES, a[at + PITCH + 5]);
      c5x0 = a15.fma(b10, c5x0);
      c5x1 = a15.fma(b11, c5x1);
      VarHandle.acquireFence();
      FloatVector b20 = FloatVector.fromArray(SPECIES, b, fromAToB + 2 * WIDE + B_FOR_A * at);
      FloatVector b21 =
          FloatVector.fromArray(SPECIES, b, fromAToB + 2 * WIDE + LANES + B_FOR_A * at);
      FloatVector a20 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH]);
      c0x0 = a20.fma(b20, c0x0);
      c0x1 = a20.fma(b21, c0x1);
      VarHandle.acquireFence();
      FloatVector a21 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH + 1]);
      c1x0 = a21.fma(b20, c1x0);
      c1x1 = a21.fma(b21, c1x1);
      VarHandle.acquireFence();
      FloatVector a22 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH + 2]);
      c2x0 = a22.fma(b20, c2x0);
      c2x1 = a22.fma(b21, c2x1);
      VarHandle.acquireFence();
      FloatVector a23 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH + 3]);
      c3x0 = a23.fma(b20, c3x0);
      c3x1 = a23.fma(b21, c3x1);
      VarHandle.acquireFence();
      FloatVector a24 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH + 4]);
      c4x0 = a24.fma(b20, c4x0);
      c4x1 = a24.fma(b21, c4x1);
      VarHandle.acquireFence();
      FloatVector a25 = FloatVector.broadcast(SPECIES, a[at + 2 * PITCH + 5]);
      c5x0 = a25.fma(b20, c5x0);
      c5x1 = a25.fma(b21, c5x1);
      VarHandle.acquireFence();
      FloatVector b30 = FloatVector.fromArray(SPECIES, b, fromAToB + 3 * WIDE + B_FOR_A * at);
      FloatVector b31 =
          FloatVector.fromArray(SPECIES, b, fromAToB + 3 * WIDE + LANES + B_FOR_A * at);
      FloatVector a30 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH]);
      c0x0 = a30.fma(b30, c0x0);
      c0x1 = a30.fma(b31, c0x1);
      VarHandle.acquireFence();
      FloatVector a31 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH + 1]);
      c1x0 = a31.fma(b30, c1x0);
      c1x1 = a31.fma(b31, c1x1);
      VarHandle.acquireFence();
      FloatVector a32 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH + 2]);
      c2x0 = a32.fma(b30, c2x0);
      c2x1 = a32.fma(b31, c2x1);
      VarHandle.acquireFence();
      FloatVector a33 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH + 3]);
      c3x0 = a33.fma(b30, c3x0);
      c3x1 = a33.fma(b31, c3x1);
      VarHandle.acquireFence();
      FloatVector a34 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH + 4]);
      c4x0 = a34.fma(b30, c4x0);
      c4x1 = a34.fma(b31, c4x1);
      VarHandle.acquireFence();
      FloatVector a35 = FloatVector.broadcast(SPECIES, a[at + 3 * PITCH + 5]);
      c5x0 = a35.fma(b30, c5x0);
      c5x1 = a35.fma(b31, c5x1);
    }
    int last = aOffset + depth * PITCH;
    for (; at < last; at += PITCH) {
      FloatVector b00 = FloatVector.fromArray(SPECIES, b, fromAToB + B_FOR_A * at);
      FloatVector b01 = FloatVector.fromArray(SPECIES, b, fromAToB + LANES + B_FOR_A * at);
      FloatVector a00 = FloatVector.broadcast(SPECIES, a[at]);
      c0x0 = a00.fma(b00, c0x0);
      c0x1 = a00.fma(b01, c0x1);
      VarHandle.acquireFence();
      FloatVector a01 = FloatVector.broadcast(SPECIES, a[at + 1]);
      c1x0 = a01.fma(b00, c1x0);
      c1x1 = a01.fma(b01, c1x1);
      VarHandle.acquireFence();
      FloatVector a02 = FloatVector.broadcast(SPECIES, a[at + 2]);
      c2x0 = a02.fma(b00, c2x0);
      c2x1 = a02.fma(b01, c2x1);
      VarHandle.acquireFence();
      FloatVector a03 = FloatVector.broadcast(SPECIES, a[at + 3]);
      c3x0 = a03.fma(b00, c3x0);
      c3x1 = a03.fma(b01, c3x1);
      VarHandle.acquireFence();
      FloatVector a04 = FloatVector.broadcast(SPECIES, a[at + 4]);
      c4x0 = a04.fma(b00, c4x0);
      c4x1 = a04.fma(b01, c4x1);
      VarHandle.acquireFence();
      FloatVector a05 = FloatVector.broadcast(SPECIES, a[at + 5]);
      c5x0 = a05.fma(b00, c5x0);
      c5x1 = a05.fma(b01, c5x1);
    }
    int to = cOffset + at - last; // cOffset, but no addresses are held during the loop for it
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
