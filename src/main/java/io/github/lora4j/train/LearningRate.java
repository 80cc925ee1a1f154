package io.github.lora4j.train;

/** The step size of the optimizer as a function of the step. */
@FunctionalInterface
public interface LearningRate {

  /**
   * The rate of one step.
   *
   * @param step the step of the run, from 0
   * @return the rate, at least 0
   */
  float at(long step);

  /**
   * The same rate at each step.
   *
   * @param rate the rate, above 0 and finite
   * @return the constant rate
   */
  static LearningRate constant(float rate) {
    checkRate(rate);
    return step -> rate;
  }

  /**
   * Rises linearly from 0 to a peak, then falls along half a cosine (Loshchilov and Hutter 2017) to
   * a tenth of it.
   *
   * @param peak the highest rate, above 0 and finite
   * @param warmupSteps the steps of the rise, at least 0
   * @param totalSteps the steps of the run, more than those of the rise
   * @return the rate
   */
  static LearningRate warmupCosine(float peak, long warmupSteps, long totalSteps) {
    checkRate(peak);
    if (warmupSteps < 0 || totalSteps <= warmupSteps) {
      throw new IllegalArgumentException(
          "learning rate: 0 <= warm-up < total expected, got %d and %d steps"
              .formatted(warmupSteps, totalSteps));
    }
    return step -> {
      if (step < warmupSteps) {
        return (float) (peak * (step + 1.0) / warmupSteps);
      }
      double done = Math.min(1, (step - warmupSteps) / (double) (totalSteps - warmupSteps));
      return (float) (peak * (0.1 + 0.45 * (1 + StrictMath.cos(Math.PI * done))));
    };
  }

  private static void checkRate(float rate) {
    if (!(rate > 0 && rate < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("learning rate: above 0 expected, got " + rate);
    }
  }
}
