package io.github.lora4j.kernel.portable;

/**
 * Exponential function and hyperbolic tangent, right to about one unit in the last place of a
 * float, with the same bits from interpreter and compiled code. {@code Math.exp} promises neither
 * the bits nor the speed.
 */
final class Exponential {

  private static final double LOG2_E = 1.4426950408889634;
  private static final double LN_2 = 0.6931471805599453;

  /** Added and taken away again, it rounds a double to the nearest integer. */
  private static final double ROUNDER = 0x1.8p52;

  /** Beyond these the result is 0 or infinite as a float. */
  private static final double LOWEST = -104.0;

  private static final double HIGHEST = 89.0;

  private Exponential() {}

  /** {@code e^x}, the Taylor polynomial of degree 9 on [-ln 2 / 2, ln 2 / 2] and a power of two. */
  static double exp(double x) {
    if (Double.isNaN(x)) {
      return x;
    }
    double clamped = x < LOWEST ? LOWEST : Math.min(x, HIGHEST);
    double n = clamped * LOG2_E + ROUNDER - ROUNDER;
    double r = clamped - n * LN_2;
    double p = 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    return p * Double.longBitsToDouble((long) n + 1023 << 52);
  }

  /** {@code tanh(x) = 1 - 2 / (e^2x + 1)}. */
  static double tanh(double x) {
    if (x > 20) {
      return 1;
    }
    if (x < -20) {
      return -1;
    }
    return 1 - 2 / (exp(2 * x) + 1);
  }
}
