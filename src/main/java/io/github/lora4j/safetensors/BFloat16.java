package io.github.lora4j.safetensors;

/** The upper half of a {@code float}: all of its exponents, 8 bits of precision. */
final class BFloat16 {

  /**
   * Floats of at least this magnitude round to infinity: halfway between the largest bfloat16 and
   * 2^128.
   */
  static final float OVERFLOW = 0x1.FFp127f;

  private static final int QUIET = 0x40;

  private BFloat16() {}

  /**
   * Rounds a float to the nearest bfloat16, ties to even. A NaN stays a (quiet) NaN.
   *
   * @param value any float
   * @return the 16 bits
   */
  static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | QUIET);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
