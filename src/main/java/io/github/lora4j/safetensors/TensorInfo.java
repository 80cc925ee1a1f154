package io.github.lora4j.safetensors;

import java.util.List;

/**
 * What a file's header says about one tensor.
 *
 * @param name its name, unique in the file; untrusted text
 * @param dtype the type of its elements
 * @param shape its dimensions, outermost first, each at least 0; empty for a scalar
 * @param begin its first byte, counted from the end of the header
 * @param end the byte after its last, counted from the end of the header
 */
public record TensorInfo(String name, DType dtype, List<Long> shape, long begin, long end) {

  /** The most dimensions a tensor may have here; no known library writes more. */
  public static final int MAX_RANK = 64;

  /**
   * Checks that the range holds exactly the elements of the shape.
   *
   * @throws IllegalArgumentException if the shape is impossible or does not fit the range
   */
  public TensorInfo {
    shape = List.copyOf(shape);
    if (begin < 0 || end < begin || end - begin != byteSize(dtype, shape)) {
      throw new IllegalArgumentException(
          "TensorInfo: shape " + shape + " of " + dtype + " does not fit " + begin + ".." + end);
    }
  }

  /**
   * The number of elements: the product of the dimensions, 1 for a scalar.
   *
   * @return the number of elements
   */
  public long elements() {
    return elements(shape);
  }

  /**
   * The bytes that a tensor takes in a file.
   *
   * @param dtype the type of its elements
   * @param shape its dimensions
   * @return bytes
   * @throws IllegalArgumentException if a dimension is negative, there are more than {@link
   *     #MAX_RANK}, the size exceeds a {@code long}, or it is no whole number of bytes
   */
  static long byteSize(DType dtype, List<Long> shape) {
    try {
      return dtype.bytes(elements(shape));
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "size of " + dtype + " " + shape + ": overflow or part of a byte", e);
    }
  }

  private static long elements(List<Long> shape) {
    if (shape.size() > MAX_RANK) {
      throw new IllegalArgumentException(
          "shape must have at most " + MAX_RANK + " dimensions, got " + shape.size());
    }
    long elements = 1;
    for (long dimension : shape) {
      if (dimension < 0) {
        throw new IllegalArgumentException("dimensions must not be negative, got " + shape);
      }
      elements = Math.multiplyExact(elements, dimension);
    }
    return elements;
  }
}
