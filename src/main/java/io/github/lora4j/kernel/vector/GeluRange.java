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

  /**
   * Inputs are held here, where {@code e^-2u} is just finite or 0 and s has long been 0 or 1: an
   * infinite {@code e^-2u} times s = 0 would be no number.
   */
  private static final float HELD = 10f;

  /** How many gradients are computed before they are added. */
  private static final int BLOCK = 1024;

  private GeluRange() {}

  static void forward(float[] x, float[] y, int from, int to) {
    int end = from + Lanes.SPECIES.loopBound(to - from);
    for (int i = from; i < end; i += Lanes.COUNT) {
      FloatVector v = FloatVector.fromArray(Lanes.SPECIES, x, i).max(-HELD);
      FloatVector slope =
          v.mul(v)
              .fma(
                  FloatVector.broadcast(Lanes.SPECIES, CUBIC),
                  FloatVector.broadcast(Lanes.SPECIES, LINEAR));
      FloatVector e = Exp.of(v.mul(slope));
      Lanes.TYPE.cast(v.div(e.add(1f))).intoArray(y, i);
    }
    for (int i = end; i < to; i++) {
      float v = Math.max(x[i], -HELD);
      float e = Exp.of(v * Math.fma(v * v, CUBIC, LINEAR));
      y[i] = v / (e + 1f);
    }
  }

  static void backward(float[] x, float[] dy, float[] dx, boolean accumulate, int from, int to) {
    if (!accumulate) {
      gradient(x, dy, from, to, dx, from);
      return;
    }
    float[] part = new float[Math.min(BLOCK, to - from)];
    for (int first = from; first < to; first += BLOCK) {
      int count = Math.min(BLOCK, to - first);
      gradient(x, dy, first, first + count, part, 0);
      for (int i = 0; i < count; i++) {
        dx[first + i] += part[i];
      }
    }
  }

  /** Writes the gradient for the inputs {@code from} to {@code to - 1}. */
  private static void gradient(
      float[] x, float[] dy, int from, int to, float[] gradient, int offset) {
    int shift = offset - from;
    int end = from + Lanes.SPECIES.loopBound(to - from);
    for (int i = from; i < end; i += Lanes.COUNT) {
      FloatVector v = FloatVector.fromArray(Lanes.SPECIES, x, i).max(-HELD).min(HELD);
      FloatVector square = v.mul(v);
      FloatVector slope =
          square.fma(
              FloatVector.broadcast(Lanes.SPECIES, CUBIC),
              FloatVector.broadcast(Lanes.SPECIES, LINEAR));
      FloatVector e = Exp.of(v.mul(slope));
      FloatVector s = FloatVector.broadcast(Lanes.SPECIES, 1f).div(e.add(1f));
      FloatVector twiceSlope =
          square.fma(
              FloatVector.broadcast(Lanes.SPECIES, -3 * CUBIC),
              FloatVector.broadcast(Lanes.SPECIES, -LINEAR));
      FloatVector rest = v.mul(s).mul(e.mul(s)).mul(twiceSlope);
      FloatVector dx = FloatVector.fromArray(Lanes.SPECIES, dy, i).mul(s.add(rest));
      Lanes.TYPE.cast(dx).intoArray(gradient, i + shift);
    }
    for (int i = end; i < to; i++) {
      float v = Math.min(Math.max(x[i], -HELD), HELD);
      float square = v * v;
      float e = Exp.of(v * Math.fma(square, CUBIC, LINEAR));
      float s = 1f / (e + 1f);
      float twiceSlope = Math.fma(square, -3 * CUBIC, -LINEAR);
      gradient[i + shift] = dy[i] * (s + v * s * (e * s) * twiceSlope);
    }
  }
}
