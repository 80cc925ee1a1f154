package io.github.lora4j.safetensors;

/** IEEE 754 half precision (binary16): conversion to and from {@code float}, bit for bit. */
final class Float16 {

  /**
   * Floats of at least this magnitude round to infinity: halfway between the largest half and 2^16.
   */
  static final float OVERFLOW = 65520f;

  private static final float TWO_TO_112 = 0x1p112f;

  private Float16() {}

  /**
   * Widens a half; every half is exactly a float. A NaN keeps its sign and payload.
   *
   * @param half the 16 bits
   * @return the same number
   */
  static float toFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int magnitude = (half & 0x7fff) << 13;
    if (magnitude >= 0x7c00 << 13) {
      return Float.intBitsToFloat(sign | 0x7f800000 | magnitude);
    }
    // The half's exponent now stands in a float's field, 127 - 15 = 112 too low; a power of two
    // repairs it
    // exactly, for normal and subnormal halves alike.
    float value = Float.intBitsToFloat(magnitude) * TWO_TO_112;
    return Float.intBitsToFloat(sign | Float.floatToRawIntBits(value));
  }

  /**
   * Rounds a float to the nearest half, ties to even; from 65520 on to infinity. A NaN stays a
   * (quiet) NaN.
   *
   * @param value any float
   * @return the 16 bits
   */
  static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00 | magnitude >>> 13 & 0x3ff);
    }
    if (Float.intBitsToFloat(magnitude) >= OVERFLOW) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { // below 2^-14 halves are multiples of 2^-24
      // The sum's last mantissa bit is worth 2^-24, so the addition itself rounds to even.
      int multiples = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + 0.5f) - 0x3f000000;
      return (short) (sign | multiples);
    }
    int roundedToEven = magnitude + 0xfff + (magnitude >>> 13 & 1);
    return (short) (sign | (roundedToEven - (112 << 23)) >>> 13);
  }
}
