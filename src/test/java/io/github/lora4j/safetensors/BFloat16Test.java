package io.github.lora4j.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BFloat16Test {

  private static final int INFINITY = 0x7f80;

  private static void assertRounds(int expected, float value) {
    assertEquals(
        Integer.toHexString(expected),
        Integer.toHexString(BFloat16.fromFloat(value) & 0xffff),
        () -> "rounding " + value);
    assertEquals(
        Integer.toHexString(expected | 0x8000),
        Integer.toHexString(BFloat16.fromFloat(-value) & 0xffff),
        () -> "rounding " + -value);
  }

  @Test
  void everyFiniteNumberIsKeptAndWhatIsBetweenGoesToTheNearer() {
    for (int half = 0; half < INFINITY; half++) {
      float value = Float.intBitsToFloat(half << 16);
      float tie = Float.intBitsToFloat(half << 16 | 0x8000);
      assertRounds(half, value);
      assertRounds(half, Math.nextDown(tie));
      assertRounds(half % 2 == 0 ? half : half + 1, tie);
      assertRounds(half + 1, Math.nextUp(tie));
    }
  }

  @Test
  void whatIsTooLargeIsInfiniteAndWhatIsNotANumberStaysSo() {
    assertRounds(INFINITY - 1, Math.nextDown(BFloat16.OVERFLOW));
    assertRounds(INFINITY, BFloat16.OVERFLOW);
    assertRounds(INFINITY, Float.POSITIVE_INFINITY);
    for (int bits : new int[] {0x7f800001, 0x7f80ffff, 0x7fc00000, 0x7fffffff, 0xff800001, -1}) {
      int half = BFloat16.fromFloat(Float.intBitsToFloat(bits)) & 0xffff;
      assertTrue((half & 0x7fff) > INFINITY, Integer.toHexString(bits));
    }
  }
}
