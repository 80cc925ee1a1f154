package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;

/**
 * GELU and its gradient on a range. With {@code u = sqrt(2/pi) (x + 0.044715 x^3)}, {@code (1 +
 * tanh u) / 2} is the logistic function of 2u: {@code y = x s}, {@code s = 1 / (1 + e^-2u)}, which
 * loses no digits where tanh is near -1. And {@code dy/dx = s + x s (1 - s) 2u'}, where {@code 1 -
 * s = e^-2u s}.
 */
final class GeluRange {

  /** {@code -2 sqrt(2/pi)} and that times 0.044715: {@code -2u = x (LINEAR + CUBIC x^2)}. */
  private static final float LINEAR = -1.5957691216f;

  private static final float CUBIC = -0.0713548162726f;

  /** Beyond it {@code e^-2u} is held, or its product with s = 0 would be no number. */
  private static final float LARGEST = 80f;

  private GeluRange() {}

  static void forward(float[] x, float[] y, int from, int to) {
    int end = from + Lanes.SPECIES.loopBound(to - from);
    for (int i = from; i < end; i += Lanes.COUNT) {
      FloatVector v = FloatVector.fromArray(Lanes.SPECIES, x, i);
      FloatVector slope =
          v.mul(v)
              .fma(
                  FloatVector.broadcast(Lanes.SPECIES, CUBIC),
                  FloatVector.broadcast(Lanes.SPECIES, LINEAR));
      FloatVector e = Exp.of(v.mul(slope).min(LARGEST));
      v.div(e.add(1f)).intoArray(y, i);
    }
    for (int i = end; i < to; i++) {
      float v = x[i];
      float e = Exp.of(Math.min(v * Math.fma(v * v, CUBIC, LINEAR), LARGEST));
      y[i] = v / (e + 1f);
    }
  }

  static void backward(float[] x, float[] dy, float[] dx, boolean accumulate, int from, int to) {
    int end = from + Lanes.SPECIES.loopBound(to - from);
    for (int i = from; i < end; i += Lanes.COUNT) {
      FloatVector v = FloatVector.fromArray(Lanes.SPECIES, x, i);
      FloatVector square = v.mul(v);
      FloatVector slope =
          square.fma(
              FloatVector.broadcast(Lanes.SPECIES, CUBIC),
              FloatVector.broadcast(Lanes.SPECIES, LINEAR));
      FloatVector e = Exp.of(v.mul(slope).min(LARGEST));
      FloatVector s = FloatVector.broadcast(Lanes.SPECIES, 1f).div(e.add(1f));
      FloatVector twiceSlope =
          square.fma(
              FloatVector.broadcast(Lanes.SPECIES, -3 * CUBIC),
              FloatVector.broadcast(Lanes.SPECIES, -LINEAR));
      FloatVector rest = v.mul(s).mul(e.mul(s)).mul(twiceSlope);
      FloatVector d = FloatVector.fromArray(Lanes.SPECIES, dy, i).mul(s.add(rest));
      if (accumulate) {
        FloatVector.fromArray(Lanes.SPECIES, dx, i).add(d).intoArray(dx, i);
      } else {
        d.intoArray(dx, i);
      }
    }
    for (int i = end; i < to; i++) {
      float v = x[i];
      float square = v * v;
      float e = Exp.of(Math.min(v * Math.fma(square, CUBIC, LINEAR), LARGEST));
      float s = 1f / (e + 1f);
      float twiceSlope = Math.fma(square, -3 * CUBIC, -LINEAR);
      float d = dy[i] * (s + v * s * (e * s) * twiceSlope);
      dx[i] = accumulate ? dx[i] + d : d;
    }
  }
}
