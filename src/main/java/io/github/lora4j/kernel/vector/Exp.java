package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential function of a vector, and its twin for the elements behind the last whole vector:
 * the same operations, so the same bits.
 *
 * <p>{@code x = n ln 2 + r} with {@code |r| <= ln 2 / 2}; {@code e^r} is a polynomial (Cephes, S.
 * Moshier), {@code 2^n} is put together in the exponent bits, in two factors so that results below
 * the normal range come out right. n is rounded by adding a constant after which a float has no
 * fraction bits left. Error below two units in the last place.
 */
final class Exp {

  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float ROUNDER = 0x1.8p23f;
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);

  /** Beyond these the result is zero or infinite. */
  private static final float LOWEST = -104f;

  private static final float HIGHEST = 89f;

  private static final float P0 = 1.9875691500e-4f;
  private static final float P1 = 1.3981999507e-3f;
  private static final float P2 = 8.3334519073e-3f;
  private static final float P3 = 4.1665795894e-2f;
  private static final float P4 = 1.6666665459e-1f;
  private static final float P5 = 5.0000001201e-1f;

  private Exp() {}

  static FloatVector of(FloatVector x) {
    FloatVector v = x.max(LOWEST).min(HIGHEST);
    FloatVector rounded =
        v.fma(
            FloatVector.broadcast(Lanes.SPECIES, LOG2_E),
            FloatVector.broadcast(Lanes.SPECIES, ROUNDER));
    FloatVector n = rounded.sub(ROUNDER);
    FloatVector r = n.fma(FloatVector.broadcast(Lanes.SPECIES, -LN2_HIGH), v);
    r = n.fma(FloatVector.broadcast(Lanes.SPECIES, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(Lanes.SPECIES, P0);
    p = p.fma(r, FloatVector.broadcast(Lanes.SPECIES, P1));
    p = p.fma(r, FloatVector.broadcast(Lanes.SPECIES, P2));
    p = p.fma(r, FloatVector.broadcast(Lanes.SPECIES, P3));
    p = p.fma(r, FloatVector.broadcast(Lanes.SPECIES, P4));
    p = p.fma(r, FloatVector.broadcast(Lanes.SPECIES, P5));
    p = p.fma(r.mul(r), r.add(1f));
    IntVector exponent = rounded.reinterpretAsInts().sub(ROUNDER_BITS);
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    FloatVector first = half.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    FloatVector second =
        exponent.sub(half).add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    return p.mul(first).mul(second);
  }

  static float of(float x) {
    float v = Math.min(Math.max(x, LOWEST), HIGHEST);
    float rounded = Math.fma(v, LOG2_E, ROUNDER);
    float n = rounded - ROUNDER;
    float r = Math.fma(n, -LN2_HIGH, v);
    r = Math.fma(n, -LN2_LOW, r);
    float p = P0;
    p = Math.fma(p, r, P1);
    p = Math.fma(p, r, P2);
    p = Math.fma(p, r, P3);
    p = Math.fma(p, r, P4);
    p = Math.fma(p, r, P5);
    p = Math.fma(p, r * r, r + 1f);
    int exponent = Float.floatToRawIntBits(rounded) - ROUNDER_BITS;
    int half = exponent >> 1;
    float first = Float.intBitsToFloat(half + 127 << 23);
    float second = Float.intBitsToFloat(exponent - half + 127 << 23);
    return p * first * second;
  }
}
