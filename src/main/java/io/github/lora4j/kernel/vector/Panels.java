package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;

/**
 * The packed forms of operands. The right operand {@code (k, n)} becomes panels of a tile's width,
 * {@code (panel, k, width)}; rows of the left operand {@code (m, k)} become slivers of a tile's
 * height, {@code (sliver, k, ROWS)}. Missing columns and rows are zeros, so that tiles at the edge
 * are computed as all others.
 */
final class Panels {

  /**
   * Side of the squares in which an operand is turned while packed, so that both sides stay in the
   * cache.
   */
  private static final int SQUARE = 16;

  private Panels() {}

  static int count(int columns, int width) {
    return (columns + width - 1) / width;
  }

  /** The length of a packed right operand. */
  static int length(int depth, int columns, int width) {
    long length = (long) count(columns, width) * width * depth;
    if (length > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "multiply: a right operand of fewer than 2^31 elements expected, got %d x %d"
              .formatted(depth, columns));
    }
    return (int) length;
  }

  /** Packs the right operand, multiplied by a factor, a panel a task. */
  static void packRight(Matrix b, float scale, int width, float[] packed) {
    int depth = b.rows();
    Parallel.forEach(
        count(b.columns(), width),
        panel -> {
          int first = panel * width;
          int columns = Math.min(width, b.columns() - first);
          packPanel(b, scale, first, columns, width, packed, panel * width * depth);
        });
  }

  private static void packPanel(
      Matrix b, float scale, int first, int columns, int width, float[] packed, int offset) {
    float[] data = b.data();
    int depth = b.rows();
    if (b.columnStride() == 1) {
      for (int k = 0; k < depth; k++) {
        int to = offset + k * width;
        int from = b.index(k, first);
        for (int j = 0; j < columns; j++) {
          packed[to + j] = scale * data[from + j];
        }
        clear(packed, to + columns, to + width);
      }
      return;
    }
    int stride = b.columnStride();
    for (int k0 = 0; k0 < depth; k0 += SQUARE) {
      int k1 = Math.min(depth, k0 + SQUARE);
      for (int j = 0; j < columns; j++) {
        int from = b.offset() + (first + j) * stride;
        for (int k = k0; k < k1; k++) {
          packed[offset + k * width + j] = scale * data[from + k];
        }
      }
      for (int k = k0; k < k1; k++) {
        clear(packed, offset + k * width + columns, offset + (k + 1) * width);
      }
    }
  }

  private static void clear(float[] packed, int from, int to) {
    for (int i = from; i < to; i++) {
      packed[i] = 0;
    }
  }

  /**
   * Packs rows {@code first} to {@code first + count - 1}, columns {@code k0} to {@code k1 - 1}, of
   * the left operand, multiplied by alpha.
   */
  static void packLeft(
      Matrix a, int first, int count, int k0, int k1, float alpha, float[] packed) {
    int rows = Tiles.ROWS;
    for (int i = 0; i < count; i += rows) {
      int present = Math.min(rows, count - i);
      int to = i * (k1 - k0);
      if (present < rows) {
        clear(packed, to, to + rows * (k1 - k0));
      }
      if (a.columnStride() == 1) {
        packRows(a, first + i, present, k0, k1, alpha, packed, to);
      } else {
        packColumns(a, first + i, present, k0, k1, alpha, packed, to);
      }
    }
  }

  /** Packs a sliver whose rows are consecutive in memory. */
  private static void packRows(
      Matrix a, int first, int count, int k0, int k1, float alpha, float[] packed, int to) {
    float[] data = a.data();
    int rows = Tiles.ROWS;
    int depth = k1 - k0;
    for (int i = 0; i < count; i++) {
      int from = a.index(first + i, k0);
      for (int k = 0; k < depth; k++) {
        packed[to + i + k * rows] = alpha * data[from + k];
      }
    }
  }

  /** Packs a sliver whose columns are consecutive in memory: a transposed operand. */
  private static void packColumns(
      Matrix a, int first, int count, int k0, int k1, float alpha, float[] packed, int to) {
    float[] data = a.data();
    int rows = Tiles.ROWS;
    for (int k = k0; k < k1; k++) {
      int from = a.index(first, k);
      int at = to + (k - k0) * rows;
      for (int i = 0; i < count; i++) {
        packed[at + i] = alpha * data[from + i];
      }
    }
  }
}
