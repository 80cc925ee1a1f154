package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.CacheLines;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;

/**
 * The packed form of a right operand {@code (k, n)}: panels of a tile's width, {@code (panel, k,
 * width)}. Missing columns are zeros or anything else, so that tiles at the edge are computed as
 * all others. {@link Slivers} are the packed form of a left one.
 */
final class Panels {

  /**
   * Side of the squares in which an operand is turned while packed, so that both sides stay in the
   * cache.
   */
  private static final int SQUARE = 32;

  private Panels() {}

  static int count(int columns, int width) {
    return (columns + width - 1) / width;
  }

  /** Where panels begin in an array. */
  static final int START = CacheLines.FIRST;

  /** The length of an array for a packed right operand. */
  static int length(int depth, int columns, int width) {
    long length = START + (long) count(columns, width) * width * depth;
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
        panel -> packPanel(b, scale, panel * width, width, packed, START + panel * width * depth));
  }

  /** Packs the panel of which {@code first} is the first column. */
  static void packPanel(Matrix b, float scale, int first, int width, float[] packed, int offset) {
    float[] data = b.data();
    int depth = b.rows();
    int columns = Math.min(width, b.columns() - first);
    if (columns < width) {
      clear(packed, offset, offset + depth * width);
    }
    if (b.columnStride() == 1 && columns == Tiles.WIDE && width == columns && scale == 1) {
      Tiles.copyRows(depth, data, b.index(0, first), b.rowStride(), packed, offset, width);
      return;
    }
    if (b.columnStride() == 1) {
      for (int k = 0; k < depth; k++) {
        int to = offset + k * width;
        int from = b.index(k, first);
        for (int j = 0; j < columns; j++) {
          packed[to + j] = scale * data[from + j];
        }
      }
      return;
    }
    for (int k0 = 0; k0 < depth; k0 += SQUARE) {
      int count = Math.min(SQUARE, depth - k0);
      int from = b.index(k0, first);
      int to = offset + k0 * width;
      if (width == Tiles.WIDE) {
        turn(data, from, b.columnStride(), columns, count, scale, packed, to);
      } else {
        interleaveNarrow(data, from, b.columnStride(), columns, count, scale, packed, to);
      }
    }
  }

  /**
   * Turns rows of {@code depth} elements into columns of a panel. Four at a time, and the width of
   * the panel a constant, so that the compiler proves all indices inside before the loop.
   */
  static void turn(
      float[] data,
      int from,
      int stride,
      int rows,
      int depth,
      float scale,
      float[] packed,
      int to) {
    if (Lanes.COUNT == Transpose16.SIDE && depth == SQUARE && scale == 1) {
      // What follows the rows that are there fills up as well as anything, if the array holds it.
      long end = from + (Tiles.WIDE - 1L) * stride + depth;
      if (end <= data.length) {
        turnSquare(data, from, stride, packed, to);
        return;
      }
    }
    int i = 0;
    for (; i + 4 <= rows; i += 4) {
      int row0 = from + i * stride;
      int row1 = row0 + stride;
      int row2 = row1 + stride;
      int row3 = row2 + stride;
      int at = to + i;
      for (int k = 0; k < depth; k++) {
        packed[at + k * Tiles.WIDE] = scale * data[row0 + k];
        packed[at + k * Tiles.WIDE + 1] = scale * data[row1 + k];
        packed[at + k * Tiles.WIDE + 2] = scale * data[row2 + k];
        packed[at + k * Tiles.WIDE + 3] = scale * data[row3 + k];
      }
    }
    for (; i < rows; i++) {
      for (int k = 0; k < depth; k++) {
        packed[to + i + k * Tiles.WIDE] = scale * data[from + i * stride + k];
      }
    }
  }

  private static void turnSquare(float[] data, int from, int stride, float[] packed, int to) {
    for (int i = 0; i < Tiles.WIDE; i += Transpose16.SIDE) {
      for (int k = 0; k < Tiles.WIDE; k += Transpose16.SIDE) {
        int row = from + i * stride + k;
        Transpose16.square(data, row, stride, packed, to + k * Tiles.WIDE + i, Tiles.WIDE);
      }
    }
  }

  /** The same for a panel of one vector. */
  private static void interleaveNarrow(
      float[] data,
      int from,
      int stride,
      int rows,
      int depth,
      float scale,
      float[] packed,
      int to) {
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < depth; k++) {
        packed[to + i + k * Lanes.COUNT] = scale * data[from + i * stride + k];
      }
    }
  }

  /** Writes the transpose of a block, row j of the transpose at {@code offset + j * stride}. */
  static void copyTransposed(Matrix block, float[] to, int offset, int stride) {
    float[] data = block.data();
    int columns = block.columns();
    if (block.rowStride() == 1) {
      for (int j = 0; j < columns; j++) {
        System.arraycopy(data, block.index(0, j), to, offset + j * stride, block.rows());
      }
      return;
    }
    for (int j0 = 0; j0 < columns; j0 += SQUARE) {
      int j1 = Math.min(columns, j0 + SQUARE);
      for (int i = 0; i < block.rows(); i++) {
        int from = block.index(i, 0);
        for (int j = j0; j < j1; j++) {
          to[offset + j * stride + i] = data[from + j];
        }
      }
    }
  }

  /** Copies a rectangle between arrays of different row lengths. */
  static void copyRows(
      float[] from,
      int fromOffset,
      int fromStride,
      float[] to,
      int toOffset,
      int toStride,
      int rows,
      int columns) {
    for (int i = 0; columns > 0 && i < rows; i++) {
      System.arraycopy(from, fromOffset + i * fromStride, to, toOffset + i * toStride, columns);
    }
  }

  /** Copies rows of their own distance to a matrix in any orientation, or adds them to it. */
  static void scatter(float[] from, int offset, int stride, Matrix to, boolean accumulate) {
    float[] data = to.data();
    int step = to.columnStride();
    int columns = to.columns();
    for (int i = 0; i < to.rows(); i++) {
      int row = to.index(i, 0);
      int at = offset + i * stride;
      if (accumulate) {
        for (int j = 0; j < columns; j++) {
          data[row + j * step] += from[at + j];
        }
      } else {
        for (int j = 0; j < columns; j++) {
          data[row + j * step] = from[at + j];
        }
      }
    }
  }

  private static void clear(float[] packed, int from, int to) {
    for (int i = from; i < to; i++) {
      packed[i] = 0;
    }
  }
}
