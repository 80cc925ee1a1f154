package io.github.lora4j.safetensors;

/**
 * The element types a safetensors file may declare, by the names used in the file. All are
 * recognised, so that a file can be opened whatever it holds; {@link #isFloat()} and {@link
 * #isInt()} say which can be read.
 *
 * <p>The order is the reference writer's: tensors are laid out from the last type to the first.
 */
public enum DType {
  /** Truth value, one byte. */
  BOOL(8),
  /** 4-bit float, two in a byte. */
  F4(4),
  /** 6-bit float, 2 exponent and 3 mantissa bits. */
  F6_E2M3(6),
  /** 6-bit float, 3 exponent and 2 mantissa bits. */
  F6_E3M2(6),
  /** Unsigned byte. */
  U8(8),
  /** Signed byte. */
  I8(8),
  /** 8-bit float, 5 exponent and 2 mantissa bits. */
  F8_E5M2(8),
  /** 8-bit float, 4 exponent and 3 mantissa bits. */
  F8_E4M3(8),
  /** 8-bit power of two, exponent only. */
  F8_E8M0(8),
  /** 8-bit float, 4 exponent and 3 mantissa bits, finite, one zero. */
  F8_E4M3FNUZ(8),
  /** 8-bit float, 5 exponent and 2 mantissa bits, finite, one zero. */
  F8_E5M2FNUZ(8),
  /** Signed 16-bit integer. */
  I16(16),
  /** Unsigned 16-bit integer. */
  U16(16),
  /** IEEE 754 half precision: 5 exponent and 10 mantissa bits. */
  F16(16),
  /** The upper half of a 32-bit float: 8 exponent and 7 mantissa bits. */
  BF16(16),
  /** Signed 32-bit integer. */
  I32(32),
  /** Unsigned 32-bit integer. */
  U32(32),
  /** IEEE 754 single precision. */
  F32(32),
  /** Two 32-bit floats, real and imaginary part. */
  C64(64),
  /** IEEE 754 double precision. */
  F64(64),
  /** Signed 64-bit integer. */
  I64(64),
  /** Unsigned 64-bit integer. */
  U64(64);

  private final int bits;

  DType(int bits) {
    this.bits = bits;
  }

  /**
   * The size of one element.
   *
   * @return bits per element; less than 8 for packed types
   */
  public int bits() {
    return bits;
  }

  /**
   * Whether {@link TensorSource#readFloats(String)} reads it: every value is exactly a Java {@code
   * float}.
   *
   * @return true for F32, F16 and BF16
   */
  public boolean isFloat() {
    return this == F32 || this == F16 || this == BF16;
  }

  /**
   * Whether {@link TensorSource#readInts} reads it.
   *
   * @return true for I32 and I64
   */
  public boolean isInt() {
    return this == I32 || this == I64;
  }

  /**
   * The size of a tensor of this type.
   *
   * @param elements number of elements, not negative
   * @return its bytes
   * @throws ArithmeticException if the size in bits exceeds a {@code long} or is no whole number of
   *     bytes
   */
  long bytes(long elements) {
    if (bits >= 8) {
      return Math.multiplyExact(elements, bits / 8L);
    }
    long total = Math.multiplyExact(elements, (long) bits);
    if (total % 8 != 0) {
      throw new ArithmeticException(elements + " elements of " + bits + " bits end inside a byte");
    }
    return total / 8;
  }
}
