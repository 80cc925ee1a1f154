package io.github.lora4j.gpt2;

import io.github.lora4j.kernel.Parallel;

/** Turns matrices {@code (out, in)} into the {@code (in, out)} of {@code Conv1D} in files. */
final class Transpose {

  /** Two tiles of 4 KiB stay in the first-level cache, whatever the stride. */
  private static final int TILE = 32;

  private Transpose() {}

  /**
   * Transposes a whole matrix into some columns of another.
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
    Parallel.forEach(
        (columns + TILE - 1) / TILE,
        stripe -> {
          int first = stripe * TILE;
          int end = Math.min(columns, first + TILE);
          for (int firstRow = 0; firstRow < rows; firstRow += TILE) {
            int endRow = Math.min(rows, firstRow + TILE);
            for (int column = first; column < end; column++) {
              int to = column * stride + firstColumn;
              for (int row = firstRow; row < endRow; row++) {
                target[to + row] = source[row * columns + column];
              }
            }
          }
        });
  }
}
