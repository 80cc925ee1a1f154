package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;

/**
 * Soft-max of a row and its gradient. Sums are one vector of partial sums, then a tree, then the
 * rest in order.
 */
final class SoftmaxRows {

  private SoftmaxRows() {}

  static double softmax(float[] x, int xOffset, float[] p, int pOffset, int length) {
    float[] lanes = new float[Lanes.COUNT];
    float max = max(x, xOffset, length, lanes);
    float sum = exponentials(x, xOffset, max, p, pOffset, length, lanes);
    scale(p, pOffset, length, 1 / sum);
    return max + StrictMath.log(sum);
  }

  private static float max(float[] x, int offset, int length, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(length);
    float max = x[offset];
    if (whole > 0) {
      FloatVector maxima = FloatVector.fromArray(Lanes.SPECIES, x, offset);
      for (int i = Lanes.COUNT; i < whole; i += Lanes.COUNT) {
        maxima = FloatVector.fromArray(Lanes.SPECIES, x, offset + i).max(maxima);
      }
      Lanes.TYPE.cast(maxima).intoArray(lanes, 0);
      max = Lanes.max(lanes);
    }
    for (int i = whole; i < length; i++) {
      max = Math.max(max, x[offset + i]);
    }
    return max;
  }

  /** {@code p = exp(x - max)}; returns the sum of p. */
  private static float exponentials(
      float[] x, int xOffset, float max, float[] p, int pOffset, int length, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(length);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector e = Exp.of(FloatVector.fromArray(Lanes.SPECIES, x, xOffset + i).sub(max));
      e.intoArray(p, pOffset + i);
      sums = e.add(sums);
    }
    Lanes.TYPE.cast(sums).intoArray(lanes, 0);
    float sum = Lanes.sum(lanes);
    for (int i = whole; i < length; i++) {
      float e = Exp.of(x[xOffset + i] - max);
      p[pOffset + i] = e;
      sum += e;
    }
    return sum;
  }

  private static void scale(float[] p, int offset, int length, float factor) {
    for (int i = offset; i < offset + length; i++) {
      p[i] *= factor;
    }
  }

  static void backward(float[] p, int pOffset, float[] dp, int dpOffset, int length) {
    float dot = dot(p, pOffset, dp, dpOffset, length, new float[Lanes.COUNT]);
    int whole = Lanes.SPECIES.loopBound(length);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector.fromArray(Lanes.SPECIES, dp, dpOffset + i)
          .sub(dot)
          .mul(FloatVector.fromArray(Lanes.SPECIES, p, pOffset + i))
          .intoArray(dp, dpOffset + i);
    }
    for (int i = whole; i < length; i++) {
      dp[dpOffset + i] = p[pOffset + i] * (dp[dpOffset + i] - dot);
    }
  }

  private static float dot(
      float[] p, int pOffset, float[] dp, int dpOffset, int length, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(length);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      FloatVector left = FloatVector.fromArray(Lanes.SPECIES, p, pOffset + i);
      sums = left.fma(FloatVector.fromArray(Lanes.SPECIES, dp, dpOffset + i), sums);
    }
    Lanes.TYPE.cast(sums).intoArray(lanes, 0);
    float dot = Lanes.sum(lanes);
    for (int i = whole; i < length; i++) {
      dot = Math.fma(p[pOffset + i], dp[dpOffset + i], dot);
    }
    return dot;
  }
}
