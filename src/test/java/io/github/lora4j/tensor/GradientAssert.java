package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * The gates that gradients must pass.
 *
 * <p>A float has 24 bits: a rounding error is at most 6e-8 of the value. What is compared here sums
 * at most a few hundred rounded products, whose errors partly cancel, so that 1e-5 of the largest
 * element is wide for rounding and narrow for a wrong formula: the planted faults of {@link
 * OpGradientTest} begin at 1e-2.
 */
public final class GradientAssert {

  /**
   * Step of the central differences in double precision: truncation and rounding are both near
   * 1e-9.
   */
  private static final double STEP = 1e-4;

  private static final double TOLERANCE = 1e-5;
  private static final double ABSOLUTE_TOLERANCE = 1e-8;

  private GradientAssert() {}

  /** The exact gradient of a function by its argument: central differences in double precision. */
  public static double[] centralDifferences(double[] x, ToDoubleFunction<double[]> function) {
    double[] gradient = new double[x.length];
    double[] shifted = x.clone();
    for (int i = 0; i < x.length; i++) {
      shifted[i] = x[i] + STEP;
      double above = function.applyAsDouble(shifted);
      shifted[i] = x[i] - STEP;
      double below = function.applyAsDouble(shifted);
      shifted[i] = x[i];
      gradient[i] = (above - below) / (2 * STEP);
    }
    return gradient;
  }

  /** Asserts that a gradient is the expected one and not zero. */
  public static void assertGradient(String what, double[] expected, float[] actual) {
    double largest = 0;
    for (double element : expected) {
      largest = Math.max(largest, Math.abs(element));
    }
    assertTrue(largest > 1e-6, what + ": a gradient other than zero expected, got all zeros");
    assertClose(what, expected, actual);
  }

  /** Asserts each element, and all of them together in the Euclidean norm. */
  public static void assertClose(String what, double[] expected, float[] actual) {
    assertEquals(expected.length, actual.length, what + ": number of elements");
    double largest = 0;
    double norm = 0;
    double distance = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      norm += expected[i] * expected[i];
      distance += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    }
    for (int i = 0; i < expected.length; i++) {
      double error = Math.abs(actual[i] - expected[i]);
      if (!(error <= TOLERANCE * largest + ABSOLUTE_TOLERANCE)) {
        fail(
            String.format(
                Locale.ROOT,
                "%s: element %d of %d: %.9g expected, got %.9g; largest element %.9g",
                what,
                i,
                expected.length,
                expected[i],
                actual[i],
                largest));
      }
    }
    assertTrue(
        Math.sqrt(distance) <= TOLERANCE * Math.sqrt(norm) + ABSOLUTE_TOLERANCE,
        what + ": relative error " + Math.sqrt(distance / norm));
  }
}
