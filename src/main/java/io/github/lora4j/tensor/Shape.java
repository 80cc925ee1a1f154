package io.github.lora4j.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The sizes of a tensor's dimensions, outermost first. Immutable. */
public final class Shape {

  private final int[] dims;
  private final int numel;

  private Shape(int[] dims) {
    long product = 1;
    for (int dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException(
            "shape: sizes from 0 expected, got " + Arrays.toString(dims));
      }
      product *= dim;
      if (product > Integer.MAX_VALUE - 8) {
        throw new IllegalArgumentException(
            "shape: at most 2^31 - 9 elements expected, got " + Arrays.toString(dims));
      }
    }
    this.dims = dims;
    this.numel = (int) product;
  }

  /**
   * The shape with the given sizes.
   *
   * @param dims the sizes, outermost first; none for a scalar
   * @return the shape
   */
  public static Shape of(int... dims) {
    return new Shape(dims.clone());
  }

  /**
   * How many dimensions there are.
   *
   * @return the number of dimensions, 0 for a scalar
   */
  public int rank() {
    return dims.length;
  }

  /**
   * The size of one dimension.
   *
   * @param index the dimension from 0; negative numbers count from the end, -1 is the last
   * @return its size
   */
  public int dim(int index) {
    int position = index < 0 ? dims.length + index : index;
    if (position < 0 || position >= dims.length) {
      throw new IllegalArgumentException(
          "dim: an index into the %d dimensions of %s expected, got %d"
              .formatted(dims.length, this, index));
    }
    return dims[position];
  }

  /**
   * How many elements a tensor of this shape has.
   *
   * @return the product of the sizes, 1 for a scalar
   */
  public int numel() {
    return numel;
  }

  /**
   * The size of the last dimension.
   *
   * @return the length of a row
   */
  public int columns() {
    return dim(-1);
  }

  /**
   * The product of all sizes but the last: a tensor of any rank seen as a matrix of rows.
   *
   * @return the number of rows
   */
  public int rows() {
    int rows = 1;
    for (int i = 0; i < dims.length - 1; i++) {
      rows *= dims[i];
    }
    return rows;
  }

  /**
   * This shape with another last dimension.
   *
   * @param columns the new size
   * @return the shape
   * @throws IllegalArgumentException if this is the shape of a scalar
   */
  public Shape withColumns(int columns) {
    if (dims.length == 0) {
      throw new IllegalArgumentException(
          "withColumns: a shape with a last dimension expected, got " + this);
    }
    int[] changed = dims.clone();
    changed[changed.length - 1] = columns;
    return new Shape(changed);
  }

  /**
   * The sizes as an array.
   *
   * @return a copy
   */
  public int[] toArray() {
    return dims.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** The sizes in round brackets, such as {@code (8, 768)}. */
  @Override
  public String toString() {
    return IntStream.of(dims)
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(", ", "(", ")"));
  }
}
