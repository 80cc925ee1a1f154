package io.github.lora4j.kernel;

/**
 * A weight {@code (out, in)} that does not change while it is used, in the layout its kernels read
 * fastest; one copy serves both directions. Made by {@link Kernels#allocate} or {@link
 * Kernels#pack} and usable with those kernels only. Once filled it is safe to share between threads
 * and models.
 */
public interface PackedMatrix {

  /**
   * The number of rows of the weight.
   *
   * @return the output features
   */
  int rows();

  /**
   * The number of columns of the weight.
   *
   * @return the input features
   */
  int columns();

  /**
   * The numbers it is held in.
   *
   * @return the format
   */
  WeightFormat format();

  /**
   * Fills a rectangle. Different rectangles may be filled by different threads at once if they
   * share no row or no column.
   *
   * @param firstRow the row of the first element
   * @param firstColumn the column of the first element
   * @param block the elements, in any orientation; copied, and rounded to the {@link #format}
   * @throws IllegalArgumentException if it does not lie inside
   */
  void put(int firstRow, int firstColumn, Matrix block);

  /**
   * Reads some rows.
   *
   * @param firstRow the first row
   * @param count the number of rows
   * @param target {@code (count, columns)} elements are written to it, row-major
   * @param offset where the first element goes
   * @throws IllegalArgumentException if the rows do not lie inside, or do not fit in
   */
  void copyRows(int firstRow, int count, float[] target, int offset);
}
