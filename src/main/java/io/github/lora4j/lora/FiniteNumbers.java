package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;

/** The check of every number that is written to the files of an adapter or read from them. */
final class FiniteNumbers {

  /** What to do about a file with other numbers. */
  static final String OF_A_FILE = "the run that wrote it diverged, use another adapter";

  /** What to do about a model with other numbers. */
  static final String OF_A_MODEL = "training diverged, try a lower learning rate";

  private FiniteNumbers() {}

  /**
   * Counts what is not finite.
   *
   * @param operation for the message
   * @param name of the tensor
   * @param elements its elements
   * @param remedy for the message
   * @throws NonFiniteException if a number is NaN or infinite
   */
  static void check(String operation, String name, float[] elements, String remedy) {
    int count = 0;
    for (float element : elements) {
      count += Float.isFinite(element) ? 0 : 1;
    }
    if (count > 0) {
      throw new NonFiniteException(
          "AD-17",
          name,
          "%s: finite numbers expected, got %d of %d that are NaN or infinite (%s)"
              .formatted(operation, count, elements.length, remedy));
    }
  }
}
