package io.github.lora4j.gpt2;

import io.github.lora4j.kernel.Parallel;

/**
 * Turns matrices between the {@code (in, out)} of {@code Conv1D} in files and {@code (out, in)}.
 */
final class Transpose {

  /** Two tiles of 4 KiB stay in the first-level cache, whatever the stride. */
  private static final int TILE = 32;

  private Transpose() {}

  /**
   * Transposes a matrix, or some of its columns, into part of another.
   *
   * @param source row-major, {@code (rows, stride)}
   * @param rows how many rows it has
   * @param stride the length of its rows
   * @param firstColumn the first column to turn
   * @param columns how many columns to turn
   * @return row-major, {@code (columns, rows)}
   */
  static float[] columnsAsRows(float[] source, int rows, int stride, int firstColumn, int columns) {
    float[] target = new float[columns * rows];
    copy(source, stride, firstColumn, target, rows, 0, rows, columns);
    return target;
  }

  /**
   * Transposes a whole matrix into some columns of another: undoes {@link #columnsAsRows}.
   *
   * @param source row-major, {@code (rows, columns)}
   * @param rows how many rows it has
   * @param columns the length of its rows
   * @param target row-major, {@code (columns, stride)}; modified
   * @param stride the length of the target's rows
   * @param firstColumn the first column of the target to write
   */
  static void rowsIntoColumns(
      float[] source, int rows, int columns, float[] target, int stride, int firstColumn) {
    copy(source, columns, 0, target, stride, firstColumn, rows, columns);
  }

  private static void copy(
      float[] source,
      int sourceStride,
      int sourceStart,
      float[] target,
      int targetStride,
      int targetStart,
      int rows,
      int columns) {
    Parallel.forEach(
        (columns + TILE - 1) / TILE,
        stripe -> {
          int firstColumn = stripe * TILE;
          int endColumn = Math.min(columns, firstColumn + TILE);
          for (int firstRow = 0; firstRow < rows; firstRow += TILE) {
            int endRow = Math.min(rows, firstRow + TILE);
            for (int column = firstColumn; column < endColumn; column++) {
              int to = column * targetStride + targetStart;
              for (int row = firstRow; row < endRow; row++) {
                target[to + row] = source[row * sourceStride + sourceStart + column];
              }
            }
          }
        });
  }
}
