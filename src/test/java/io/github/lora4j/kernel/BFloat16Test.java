package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Rounding to bfloat16 against its definition. */
class BFloat16Test {

  /** The upper half of the bits of 1, and the distance of 1 to the next bfloat16. */
  private static final int ONE = 0x3f80;

  private static final float STEP = 0x1p-7f;

  private static float widened(int half) {
    return Float.intBitsToFloat(half << 16);
  }

  /** What an upper half stands for; the first that is too large counts as the next power of two. */
  private static double magnitude(int half) {
    return half == 0x7f80 ? 0x1p128 : widened(half);
  }

  /** The nearer of the two neighbours, in a tie the even one. */
  private static float defined(float value) {
    int below = Float.floatToRawIntBits(Math.abs(value)) >>> 16;
    double toBelow = Math.abs((double) value) - magnitude(below);
    double toAbove = magnitude(below + 1) - Math.abs((double) value);
    boolean up = toBelow > toAbove || (toBelow == toAbove && below % 2 == 1);
    return Math.copySign(widened(up ? below + 1 : below), value);
  }

  private static void assertRoundedTo(float expected, float value) {
    assertEquals(
        Float.floatToRawIntBits(expected),
        Float.floatToRawIntBits(BFloat16.round(value)),
        () -> "%a rounded to %a instead of %a".formatted(value, BFloat16.round(value), expected));
    assertEquals(Float.floatToRawIntBits(expected) >>> 16, BFloat16.bits(value));
  }

  @Test
  void tiesGoToTheEvenNeighbour() {
    assertEquals(1, widened(ONE));
    assertRoundedTo(1, 1 + STEP / 2);
    assertRoundedTo(1 + 2 * STEP, 1 + 3 * STEP / 2);
    assertRoundedTo(1 + STEP, Math.nextUp(1 + STEP / 2));
    assertRoundedTo(1 + STEP, Math.nextDown(1 + 3 * STEP / 2));
    assertRoundedTo(-1, -1 - STEP / 2);
    assertRoundedTo(-1 - 2 * STEP, -1 - 3 * STEP / 2);
    assertRoundedTo(2, 2 - STEP / 4);
  }

  @Test
  void whatIsTooLargeBecomesInfinite() {
    float largest = widened(0x7f7f);
    float tie = Float.intBitsToFloat(0x7f7f8000);
    assertRoundedTo(largest, largest);
    assertRoundedTo(largest, Math.nextDown(tie));
    assertRoundedTo(Float.POSITIVE_INFINITY, tie);
    assertRoundedTo(Float.POSITIVE_INFINITY, Float.MAX_VALUE);
    assertRoundedTo(Float.NEGATIVE_INFINITY, -Float.MAX_VALUE);
    assertRoundedTo(Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY);
    assertRoundedTo(Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
  }

  @Test
  void subnormalNumbersAndZerosKeepTheirSign() {
    assertRoundedTo(0, 0);
    assertRoundedTo(-0f, -0f);
    assertRoundedTo(0, Float.MIN_VALUE);
    assertRoundedTo(-0f, -Float.MIN_VALUE);
    assertRoundedTo(0, 0x1p-134f); // half the smallest: a tie
    assertRoundedTo(0x1p-133f, Math.nextUp(0x1p-134f));
    assertRoundedTo(0x1p-133f, 0x1p-133f);
    assertRoundedTo(Float.MIN_NORMAL, Math.nextDown(Float.MIN_NORMAL));
  }

  /** Also where all the bits that say so are in the half that is cut off. */
  @Test
  void whatIsNotANumberStaysSo() {
    for (int bits : new int[] {0x7f800001, 0x7f80ffff, 0x7fc00000, 0x7fffffff, 0xff800001, -1}) {
      float rounded = BFloat16.round(Float.intBitsToFloat(bits));
      assertTrue(Float.isNaN(rounded), Integer.toHexString(bits));
      assertEquals(bits >>> 31, Float.floatToRawIntBits(rounded) >>> 31, "the sign");
    }
  }

  @Test
  void allNumbersOfTheFormatStayAsTheyAre() {
    for (int half = 0; half < 1 << 16; half++) {
      if (!Float.isNaN(widened(half))) {
        assertRoundedTo(widened(half), widened(half));
      }
    }
  }

  @Test
  void anyNumberIsRoundedAsDefined() {
    SplittableRandom random = new SplittableRandom(1);
    for (int trial = 0; trial < 200_000; trial++) {
      int bits = random.nextInt();
      int lower = trial % 4 == 0 ? 0x7fff + random.nextInt(3) : bits & 0xffff; // at and near ties
      float value = Float.intBitsToFloat(bits & 0xffff0000 | lower);
      if (Float.isFinite(value)) {
        assertRoundedTo(defined(value), value);
      }
    }
  }
}
