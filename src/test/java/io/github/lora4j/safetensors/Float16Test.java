package io.github.lora4j.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** ST-42: every half, both ways. */
class Float16Test {

  /** The value by its definition, in double precision, where every step is exact. */
  private static double value(int half) {
    int exponent = half >> 10 & 31;
    int mantissa = half & 1023;
    double magnitude =
        exponent == 31
            ? mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN
            : exponent == 0
                ? mantissa * Math.pow(2, -24)
                : (1024 + mantissa) * Math.pow(2, exponent - 25);
    return (half & 0x8000) == 0 ? magnitude : -magnitude;
  }

  private static boolean isNan(int half) {
    return (half & 0x7fff) > 0x7c00;
  }

  private static void assertRounds(int expected, double value) {
    float rounded = (float) value;
    assertEquals(value, rounded, "the test's number must be a float");
    assertEquals(
        Integer.toHexString(expected),
        Integer.toHexString(Float16.fromFloat(rounded) & 0xffff),
        () -> "rounding " + value);
  }

  @Test
  void everyHalfWidensToTheFloatOfItsDefinition() {
    for (int half = 0; half < 65536; half++) {
      float widened = Float16.toFloat((short) half);
      int bits = Float.floatToRawIntBits(widened);
      if (isNan(half)) {
        int payload = (half & 0x8000) << 16 | 0x7f800000 | (half & 1023) << 13;
        assertEquals(payload, bits, "NaN " + half);
      } else {
        assertEquals(Float.floatToRawIntBits((float) value(half)), bits, "half " + half);
      }
    }
  }

  @Test
  void everyHalfSurvivesTheWayToFloatAndBack() {
    for (int half = 0; half < 65536; half++) {
      int back = Float16.fromFloat(Float16.toFloat((short) half)) & 0xffff;
      assertEquals(isNan(half) ? half | 0x200 : half, back);
    }
  }

  @Test
  void betweenTwoHalvesTheNearestWinsAndATieGoesToTheEvenOne() {
    for (int half = 0; half < 0x7bff; half++) {
      double low = value(half);
      double high = value(half + 1);
      float middle = (float) ((low + high) / 2);
      int even = (half & 1) == 0 ? half : half + 1;
      for (int sign = 0; sign <= 0x8000; sign += 0x8000) {
        float factor = sign == 0 ? 1 : -1;
        assertRounds(sign | even, factor * middle);
        assertRounds(sign | half, factor * Math.nextDown(middle));
        assertRounds(sign | half + 1, factor * Math.nextUp(middle));
      }
    }
  }

  @Test
  void randomFloatsGoToANeighbourThatIsNotFartherThanTheOther() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 200_000; i++) {
      float value = Math.abs(Float.intBitsToFloat(random.nextInt()));
      if (value < Float16.OVERFLOW) {
        int half = Float16.fromFloat(value);
        double error = Math.abs(value(half) - value);
        double above = half == 0x7bff ? 65536 : value(half + 1);
        double below = half == 0 ? Double.NEGATIVE_INFINITY : value(half - 1);
        assertTrue(error <= above - value && error <= value - below, () -> "rounding " + value);
      }
    }
  }

  @Test
  void whatExceedsTheLargestHalfBecomesInfinite() {
    assertRounds(0x7bff, 65504);
    assertRounds(0x7bff, Math.nextDown(Float16.OVERFLOW));
    assertRounds(0x7c00, Float16.OVERFLOW);
    assertRounds(0xfc00, -Float.MAX_VALUE);
    assertRounds(0x7c00, Float.POSITIVE_INFINITY);
    assertRounds(0, Float.MIN_VALUE);
  }
}
