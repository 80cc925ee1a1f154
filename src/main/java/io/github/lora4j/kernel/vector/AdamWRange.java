package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.AdamWStep;
import jdk.incubator.vector.FloatVector;

/** One AdamW step on a range, with plain products and sums: the bits are those of a scalar loop. */
record AdamWRange(float gradientScale, AdamWStep step) {

  void step(float[] p, float[] g, float[] m, float[] v, int from, int to) {
    float decay = step.decayFactor();
    float stepSize = step.stepSize();
    float denominatorScale = step.denominatorScale();
    float beta1 = step.beta1();
    float beta2 = step.beta2();
    float eps = step.eps();
    int end = from + Lanes.SPECIES.loopBound(to - from);
    for (int i = from; i < end; i += Lanes.COUNT) {
      FloatVector gradient = FloatVector.fromArray(Lanes.SPECIES, g, i).mul(gradientScale);
      FloatVector first =
          FloatVector.fromArray(Lanes.SPECIES, m, i).mul(beta1).add(gradient.mul(1 - beta1));
      FloatVector second =
          FloatVector.fromArray(Lanes.SPECIES, v, i)
              .mul(beta2)
              .add(gradient.mul(1 - beta2).mul(gradient));
      first.intoArray(m, i);
      second.intoArray(v, i);
      FloatVector denominator = second.sqrt().mul(denominatorScale).add(eps);
      FloatVector.fromArray(Lanes.SPECIES, p, i)
          .mul(decay)
          .sub(first.mul(stepSize).div(denominator))
          .intoArray(p, i);
    }
    for (int i = end; i < to; i++) {
      float gradient = g[i] * gradientScale;
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
      float denominator = (float) Math.sqrt(v[i]) * denominatorScale + eps;
      p[i] = decay * p[i] - stepSize * m[i] / denominator;
    }
  }
}
