package io.github.lora4j.kernel;

/** The bfloat16 format: the upper half of a float32. */
public final class BFloat16 {

  private BFloat16() {}

  /**
   * The upper half of a float32, rounded to the nearest, to even in a tie.
   *
   * @param value any number; what is not a number stays so
   * @return the 16 bits, in the lower half of the int
   */
  public static int bits(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return bits >>> 16 | 0x40;
    }
    return bits + 0x7fff + (bits >>> 16 & 1) >>> 16;
  }

  /**
   * A float32 rounded to a bfloat16.
   *
   * @param value any number
   * @return the nearest number that bfloat16 holds
   */
  public static float round(float value) {
    return Float.intBitsToFloat(bits(value) << 16);
  }
}
