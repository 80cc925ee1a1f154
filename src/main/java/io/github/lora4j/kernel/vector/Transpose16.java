package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Transposes squares of 16 x 16 in registers. A barrel shifter: row i, rotated to the left by i,
 * holds in column j what belongs to row i + j of the result; so column j is moved down by j, around
 * the end, in four steps that take rows from 1, 2, 4 and 8 above for the columns whose number has
 * that bit; and row i of the result then lies backwards from column i. Written out, because vectors
 * in an array are objects.
 */
final class Transpose16 {

  static final int SIDE = 16;

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_512;

  private static final VectorMask<Float> BIT_0 = VectorMask.fromLong(SPECIES, 0xaaaa);
  private static final VectorMask<Float> BIT_1 = VectorMask.fromLong(SPECIES, 0xcccc);
  private static final VectorMask<Float> BIT_2 = VectorMask.fromLong(SPECIES, 0xf0f0);
  private static final VectorMask<Float> BIT_3 = VectorMask.fromLong(SPECIES, 0xff00);

  private static final VectorShuffle<Float> LEFT_1 = rotatedLeft(1);
  private static final VectorShuffle<Float> LEFT_2 = rotatedLeft(2);
  private static final VectorShuffle<Float> LEFT_3 = rotatedLeft(3);
  private static final VectorShuffle<Float> LEFT_4 = rotatedLeft(4);
  private static final VectorShuffle<Float> LEFT_5 = rotatedLeft(5);
  private static final VectorShuffle<Float> LEFT_6 = rotatedLeft(6);
  private static final VectorShuffle<Float> LEFT_7 = rotatedLeft(7);
  private static final VectorShuffle<Float> LEFT_8 = rotatedLeft(8);
  private static final VectorShuffle<Float> LEFT_9 = rotatedLeft(9);
  private static final VectorShuffle<Float> LEFT_10 = rotatedLeft(10);
  private static final VectorShuffle<Float> LEFT_11 = rotatedLeft(11);
  private static final VectorShuffle<Float> LEFT_12 = rotatedLeft(12);
  private static final VectorShuffle<Float> LEFT_13 = rotatedLeft(13);
  private static final VectorShuffle<Float> LEFT_14 = rotatedLeft(14);
  private static final VectorShuffle<Float> LEFT_15 = rotatedLeft(15);

  private static final VectorShuffle<Float> BACK_0 = backwardsFrom(0);
  private static final VectorShuffle<Float> BACK_1 = backwardsFrom(1);
  private static final VectorShuffle<Float> BACK_2 = backwardsFrom(2);
  private static final VectorShuffle<Float> BACK_3 = backwardsFrom(3);
  private static final VectorShuffle<Float> BACK_4 = backwardsFrom(4);
  private static final VectorShuffle<Float> BACK_5 = backwardsFrom(5);
  private static final VectorShuffle<Float> BACK_6 = backwardsFrom(6);
  private static final VectorShuffle<Float> BACK_7 = backwardsFrom(7);
  private static final VectorShuffle<Float> BACK_8 = backwardsFrom(8);
  private static final VectorShuffle<Float> BACK_9 = backwardsFrom(9);
  private static final VectorShuffle<Float> BACK_10 = backwardsFrom(10);
  private static final VectorShuffle<Float> BACK_11 = backwardsFrom(11);
  private static final VectorShuffle<Float> BACK_12 = backwardsFrom(12);
  private static final VectorShuffle<Float> BACK_13 = backwardsFrom(13);
  private static final VectorShuffle<Float> BACK_14 = backwardsFrom(14);
  private static final VectorShuffle<Float> BACK_15 = backwardsFrom(15);

  private Transpose16() {}

  private static VectorShuffle<Float> rotatedLeft(int by) {
    return VectorShuffle.fromOp(SPECIES, j -> (j + by) % SIDE);
  }

  private static VectorShuffle<Float> backwardsFrom(int column) {
    return VectorShuffle.fromOp(SPECIES, j -> (SIDE + column - j) % SIDE);
  }

  /** Writes the transpose of the square at {@code from}. */
  static void square(float[] data, int from, int stride, float[] to, int at, int toStride) {
    FloatVector a0 = FloatVector.fromArray(SPECIES, data, from);
    FloatVector a1 = FloatVector.fromArray(SPECIES, data, from + stride).rearrange(LEFT_1);
    FloatVector a2 = FloatVector.fromArray(SPECIES, data, from + 2 * stride).rearrange(LEFT_2);
    FloatVector a3 = FloatVector.fromArray(SPECIES, data, from + 3 * stride).rearrange(LEFT_3);
    FloatVector a4 = FloatVector.fromArray(SPECIES, data, from + 4 * stride).rearrange(LEFT_4);
    FloatVector a5 = FloatVector.fromArray(SPECIES, data, from + 5 * stride).rearrange(LEFT_5);
    FloatVector a6 = FloatVector.fromArray(SPECIES, data, from + 6 * stride).rearrange(LEFT_6);
    FloatVector a7 = FloatVector.fromArray(SPECIES, data, from + 7 * stride).rearrange(LEFT_7);
    FloatVector a8 = FloatVector.fromArray(SPECIES, data, from + 8 * stride).rearrange(LEFT_8);
    FloatVector a9 = FloatVector.fromArray(SPECIES, data, from + 9 * stride).rearrange(LEFT_9);
    FloatVector a10 = FloatVector.fromArray(SPECIES, data, from + 10 * stride).rearrange(LEFT_10);
    FloatVector a11 = FloatVector.fromArray(SPECIES, data, from + 11 * stride).rearrange(LEFT_11);
    FloatVector a12 = FloatVector.fromArray(SPECIES, data, from + 12 * stride).rearrange(LEFT_12);
    FloatVector a13 = FloatVector.fromArray(SPECIES, data, from + 13 * stride).rearrange(LEFT_13);
    FloatVector a14 = FloatVector.fromArray(SPECIES, data, from + 14 * stride).rearrange(LEFT_14);
    FloatVector a15 = FloatVector.fromArray(SPECIES, data, from + 15 * stride).rearrange(LEFT_15);

    FloatVector b0 = a0.blend(a15, BIT_0);
    FloatVector b1 = a1.blend(a0, BIT_0);
    FloatVector b2 = a2.blend(a1, BIT_0);
    FloatVector b3 = a3.blend(a2, BIT_0);
    FloatVector b4 = a4.blend(a3, BIT_0);
    FloatVector b5 = a5.blend(a4, BIT_0);
    FloatVector b6 = a6.blend(a5, BIT_0);
    FloatVector b7 = a7.blend(a6, BIT_0);
    FloatVector b8 = a8.blend(a7, BIT_0);
    FloatVector b9 = a9.blend(a8, BIT_0);
    FloatVector b10 = a10.blend(a9, BIT_0);
    FloatVector b11 = a11.blend(a10, BIT_0);
    FloatVector b12 = a12.blend(a11, BIT_0);
    FloatVector b13 = a13.blend(a12, BIT_0);
    FloatVector b14 = a14.blend(a13, BIT_0);
    FloatVector b15 = a15.blend(a14, BIT_0);

    FloatVector c0 = b0.blend(b14, BIT_1);
    FloatVector c1 = b1.blend(b15, BIT_1);
    FloatVector c2 = b2.blend(b0, BIT_1);
    FloatVector c3 = b3.blend(b1, BIT_1);
    FloatVector c4 = b4.blend(b2, BIT_1);
    FloatVector c5 = b5.blend(b3, BIT_1);
    FloatVector c6 = b6.blend(b4, BIT_1);
    FloatVector c7 = b7.blend(b5, BIT_1);
    FloatVector c8 = b8.blend(b6, BIT_1);
    FloatVector c9 = b9.blend(b7, BIT_1);
    FloatVector c10 = b10.blend(b8, BIT_1);
    FloatVector c11 = b11.blend(b9, BIT_1);
    FloatVector c12 = b12.blend(b10, BIT_1);
    FloatVector c13 = b13.blend(b11, BIT_1);
    FloatVector c14 = b14.blend(b12, BIT_1);
    FloatVector c15 = b15.blend(b13, BIT_1);

    FloatVector d0 = c0.blend(c12, BIT_2);
    FloatVector d1 = c1.blend(c13, BIT_2);
    FloatVector d2 = c2.blend(c14, BIT_2);
    FloatVector d3 = c3.blend(c15, BIT_2);
    FloatVector d4 = c4.blend(c0, BIT_2);
    FloatVector d5 = c5.blend(c1, BIT_2);
    FloatVector d6 = c6.blend(c2, BIT_2);
    FloatVector d7 = c7.blend(c3, BIT_2);
    FloatVector d8 = c8.blend(c4, BIT_2);
    FloatVector d9 = c9.blend(c5, BIT_2);
    FloatVector d10 = c10.blend(c6, BIT_2);
    FloatVector d11 = c11.blend(c7, BIT_2);
    FloatVector d12 = c12.blend(c8, BIT_2);
    FloatVector d13 = c13.blend(c9, BIT_2);
    FloatVector d14 = c14.blend(c10, BIT_2);
    FloatVector d15 = c15.blend(c11, BIT_2);

    FloatVector e0 = d0.blend(d8, BIT_3);
    FloatVector e1 = d1.blend(d9, BIT_3);
    FloatVector e2 = d2.blend(d10, BIT_3);
    FloatVector e3 = d3.blend(d11, BIT_3);
    FloatVector e4 = d4.blend(d12, BIT_3);
    FloatVector e5 = d5.blend(d13, BIT_3);
    FloatVector e6 = d6.blend(d14, BIT_3);
    FloatVector e7 = d7.blend(d15, BIT_3);
    FloatVector e8 = d8.blend(d0, BIT_3);
    FloatVector e9 = d9.blend(d1, BIT_3);
    FloatVector e10 = d10.blend(d2, BIT_3);
    FloatVector e11 = d11.blend(d3, BIT_3);
    FloatVector e12 = d12.blend(d4, BIT_3);
    FloatVector e13 = d13.blend(d5, BIT_3);
    FloatVector e14 = d14.blend(d6, BIT_3);
    FloatVector e15 = d15.blend(d7, BIT_3);

    e0.rearrange(BACK_0).intoArray(to, at);
    e1.rearrange(BACK_1).intoArray(to, at + toStride);
    e2.rearrange(BACK_2).intoArray(to, at + 2 * toStride);
    e3.rearrange(BACK_3).intoArray(to, at + 3 * toStride);
    e4.rearrange(BACK_4).intoArray(to, at + 4 * toStride);
    e5.rearrange(BACK_5).intoArray(to, at + 5 * toStride);
    e6.rearrange(BACK_6).intoArray(to, at + 6 * toStride);
    e7.rearrange(BACK_7).intoArray(to, at + 7 * toStride);
    e8.rearrange(BACK_8).intoArray(to, at + 8 * toStride);
    e9.rearrange(BACK_9).intoArray(to, at + 9 * toStride);
    e10.rearrange(BACK_10).intoArray(to, at + 10 * toStride);
    e11.rearrange(BACK_11).intoArray(to, at + 11 * toStride);
    e12.rearrange(BACK_12).intoArray(to, at + 12 * toStride);
    e13.rearrange(BACK_13).intoArray(to, at + 13 * toStride);
    e14.rearrange(BACK_14).intoArray(to, at + 14 * toStride);
    e15.rearrange(BACK_15).intoArray(to, at + 15 * toStride);
  }
}
