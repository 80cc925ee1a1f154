package io.github.lora4j.kernel;

/**
 * What one AdamW step needs besides the arrays.
 *
 * @param learningRate the step size
 * @param beta1 the decay of the first moment, in [0, 1)
 * @param beta2 the decay of the second moment, in [0, 1)
 * @param eps added to the denominator
 * @param weightDecay the decoupled decay, as a rate per unit of learning rate
 * @param number t, the number of this step, from 1
 */
public record AdamWStep(
    float learningRate, float beta1, float beta2, float eps, float weightDecay, long number) {

  /** Checks the number of the step. */
  public AdamWStep {
    if (number < 1) {
      throw new IllegalArgumentException("AdamW: steps count from 1, got " + number);
    }
  }

  /**
   * The factor of the decay.
   *
   * @return {@code 1 - learningRate * weightDecay}
   */
  public float decayFactor() {
    return (float) (1.0 - (double) learningRate * weightDecay);
  }

  /**
   * The step size with the bias of the first moment corrected.
   *
   * @return {@code learningRate / (1 - beta1^t)}
   */
  public float stepSize() {
    return (float) (learningRate / (1 - StrictMath.pow(beta1, number)));
  }

  /**
   * The correction of the second moment's bias.
   *
   * @return {@code 1 / sqrt(1 - beta2^t)}
   */
  public float denominatorScale() {
    return (float) (1 / StrictMath.sqrt(1 - StrictMath.pow(beta2, number)));
  }
}
