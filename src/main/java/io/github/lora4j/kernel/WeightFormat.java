package io.github.lora4j.kernel;

/** The numbers in which a frozen weight is held. All arithmetic is float32. */
public enum WeightFormat {
  /** 32-bit IEEE 754 numbers, exact. */
  FLOAT32,
  /**
   * bfloat16, the upper half of a float32: 8 bits of precision and, in the vector kernels, half the
   * memory. A float32 is rounded to the nearest, to even in a tie; widening is exact.
   */
  BFLOAT16
}
