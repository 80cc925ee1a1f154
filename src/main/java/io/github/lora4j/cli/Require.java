package io.github.lora4j.cli;

/** Checks the ranges of options. */
final class Require {

  private Require() {}

  static void range(String option, long value, long smallest, long largest) {
    if (value < smallest || value > largest) {
      throw new IllegalArgumentException(
          largest == Long.MAX_VALUE || largest == Integer.MAX_VALUE
              ? "%s: at least %d expected, got %d".formatted(option, smallest, value)
              : "%s: %d to %d expected, got %d".formatted(option, smallest, largest, value));
    }
  }

  static void atLeast(String option, long value, long smallest) {
    range(option, value, smallest, Long.MAX_VALUE);
  }

  /** A number above 0, also as a float. */
  static void positive(String option, double value) {
    if (!((float) value > 0)) {
      throw new IllegalArgumentException(
          "%s: a number above 0 expected, got %s".formatted(option, value));
    }
  }

  /** A number of at least 0. */
  static void notNegative(String option, double value) {
    if (!(value >= 0)) {
      throw new IllegalArgumentException(
          "%s: a number of at least 0 expected, got %s".formatted(option, value));
    }
  }
}
