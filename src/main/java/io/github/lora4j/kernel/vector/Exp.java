package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential function of a vector, and its twin for the elements behind the last whole vector:
 * the same operations, so the same bits.
 *
 * <p>{@code x = n ln 2 + r} with {@code |r| <= ln 2 / 2}; {@code e^r} is a polynomial (Cephes, S.
 * Moshier) and {@code 2^n} is made by shifting n into the exponent bits. n is rounded by adding a
 * constant after which a float has no fraction bits left; the 127 in that constant is the bias of
 * the exponent.
 *
 * <p>Error below two units in the last place for x from -87.3 to 88, where soft-max and GELU need
 * it. Below that the result is 0, as the exponent bits are then; x above 88 is not expected.
 *
 * <p>Few operations on purpose: this is inlined into the loops that use it, and the compiler stops
 * inlining when a method has become too large; then vectors are boxed.
 */
final class Exp {

  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float ROUNDER = 0x1.8p23f + 127;
  private static final int FRACTION_BITS = 23;

  /** Rounds to n = -127, the exponent bits of zero. */
  private static final float LOWEST = -88f;

  private static final float P0 = 1.9875691500e-4f;
  private static final float P1 = 1.3981999507e-3f;
  private static final float P2 = 8.3334519073e-3f;
  private static final float P3 = 4.1665795894e-2f;
  private static final float P4 = 1.6666665459e-1f;
  private static final float P5 = 5.0000001201e-1f;

  private Exp() {}

  static FloatVector of(FloatVector x) {
    FloatVector v = x.max(LOWEST);
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
    return p.mul(
        rounded
            .reinterpretAsInts()
            .lanewise(VectorOperators.LSHL, FRACTION_BITS)
            .reinterpretAsFloats());
  }

  static float of(float x) {
    float v = Math.max(x, LOWEST);
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
    return p * Float.intBitsToFloat(Float.floatToRawIntBits(rounded) << FRACTION_BITS);
  }
}
