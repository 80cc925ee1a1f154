package io.github.lora4j.text;

/**
 * The shares of a split; what both leave is for the test.
 *
 * @param train in (0, 1]
 * @param validation in [0, 1), with train at most 1
 */
record Fractions(double train, double validation) {

  /** Absorbs the rounding of fractions such as 0.29 that no double holds exactly. */
  private static final double ROUNDING = 1e-9;

  Fractions {
    if (!(train > 0 && validation >= 0 && train + validation <= 1 + ROUNDING)) {
      throw new IllegalArgumentException(
          "split: expected a fraction over 0 for training, at least 0 for validation and at most 1"
              + " together, got "
              + train
              + " and "
              + validation);
    }
  }

  /** How many of n are for training, rounded down. */
  int train(int n) {
    return (int) Math.floor(n * train + ROUNDING);
  }

  /** How many of n are for validation: rounded down, or all the rest if nothing is for the test. */
  int validation(int n) {
    if (train + validation >= 1 - ROUNDING) {
      return n - train(n);
    }
    return (int) Math.floor(n * validation + ROUNDING);
  }
}
