package io.github.lora4j.kernel;

/**
 * A rectangular view of an array: element {@code (i, j)} is {@code data[offset + i * rowStride + j
 * * columnStride]}. One of the two strides is 1. Copies nothing.
 *
 * @param data the array seen
 * @param offset the index of element (0, 0)
 * @param rows the number of rows, at least 0
 * @param columns the number of columns, at least 0
 * @param rowStride the distance of two elements of a column
 * @param columnStride the distance of two elements of a row
 */
public record Matrix(
    float[] data, int offset, int rows, int columns, int rowStride, int columnStride) {

  /** Checks that every element lies in the array. */
  public Matrix {
    if (rows < 0 || columns < 0 || rowStride < 1 || columnStride < 1) {
      throw new IllegalArgumentException(
          "matrix: sizes from 0 and strides from 1 expected, got %d x %d, strides %d and %d"
              .formatted(rows, columns, rowStride, columnStride));
    }
    if (rowStride != 1 && columnStride != 1) {
      throw new IllegalArgumentException(
          "matrix: one stride must be 1, got %d and %d".formatted(rowStride, columnStride));
    }
    if (rows > 0 && columns > 0) {
      long last = offset + (rows - 1L) * rowStride + (columns - 1L) * columnStride;
      if (offset < 0 || last >= data.length) {
        throw new IllegalArgumentException(
            "matrix: elements %d..%d expected inside the array, got length %d"
                .formatted(offset, last, data.length));
      }
    }
  }

  /**
   * The row-major view of a whole array.
   *
   * @param data the array, at least {@code rows * columns} long
   * @param rows the number of rows
   * @param columns the number of columns
   * @return the view
   */
  public static Matrix of(float[] data, int rows, int columns) {
    return new Matrix(data, 0, rows, columns, Math.max(1, columns), 1);
  }

  /**
   * The same elements with rows and columns exchanged.
   *
   * @return the transposed view
   */
  public Matrix transpose() {
    return new Matrix(data, offset, columns, rows, columnStride, rowStride);
  }

  /**
   * Some consecutive rows.
   *
   * @param first the first row
   * @param count the number of rows
   * @return the view of those rows
   */
  public Matrix rows(int first, int count) {
    return block(first, count, 0, columns);
  }

  /**
   * Some consecutive columns.
   *
   * @param first the first column
   * @param count the number of columns
   * @return the view of those columns
   */
  public Matrix columns(int first, int count) {
    return block(0, rows, first, count);
  }

  /**
   * A rectangle inside this one.
   *
   * @param firstRow its first row
   * @param rowCount its number of rows
   * @param firstColumn its first column
   * @param columnCount its number of columns
   * @return the view of the rectangle
   */
  public Matrix block(int firstRow, int rowCount, int firstColumn, int columnCount) {
    if (firstRow < 0
        || firstColumn < 0
        || firstRow + rowCount > rows
        || firstColumn + columnCount > columns) {
      throw new IllegalArgumentException(
          "block: rows %d..%d and columns %d..%d expected inside %d x %d"
              .formatted(
                  firstRow,
                  firstRow + rowCount,
                  firstColumn,
                  firstColumn + columnCount,
                  rows,
                  columns));
    }
    return new Matrix(
        data,
        offset + firstRow * rowStride + firstColumn * columnStride,
        rowCount,
        columnCount,
        rowStride,
        columnStride);
  }

  /**
   * Where an element is.
   *
   * @param row its row
   * @param column its column
   * @return its index in {@link #data()}
   */
  public int index(int row, int column) {
    return offset + row * rowStride + column * columnStride;
  }
}
