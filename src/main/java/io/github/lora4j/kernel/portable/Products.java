package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;

/**
 * The matrix product around {@link Tile}: cuts the result into blocks for the threads, and a block
 * into tiles, so that a block of the right operand stays in the second cache while all rows of the
 * left one pass.
 *
 * <p>How the work is cut changes no result: an element is one chain of additions in ascending order
 * of the inner index.
 */
final class Products {

  /** Enough rows that copying a block of the right operand for them hardly counts. */
  private static final int ROWS_PER_TASK = 240;

  /** With fewer columns than this, loops over them have not enough rounds to be fast. */
  private static final int NARROW = 64;

  /**
   * An operand with consecutive columns is copied so many columns at a time, so that the cache
   * still holds the lines it read when the next row needs them.
   */
  private static final int COLUMNS_AT_A_TIME = 32;

  private Products() {}

  /** {@code c = alpha a b}, or {@code c += alpha a b}. */
  static void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    boolean turned =
        c.columns() < NARROW ? c.rows() > c.columns() : c.columnStride() != 1 && c.rows() >= NARROW;
    if (turned) {
      multiply(b.transpose(), 1, a.transpose(), alpha, c.transpose(), accumulate);
    } else {
      multiply(a, alpha, b, 1, c, accumulate);
    }
  }

  /** The product of the operands, each multiplied by a factor; one of the factors is 1. */
  private static void multiply(
      Matrix a, float aScale, Matrix b, float bScale, Matrix c, boolean accumulate) {
    if (c.rows() == 0 || c.columns() == 0) {
      return;
    }
    int rowBlocks = count(c.rows(), ROWS_PER_TASK);
    int wanted = count(Parallel.threads(), rowBlocks);
    int affordable = c.columns() / (2 * NARROW);
    int columnBlocks = Math.max(count(c.columns(), Scratch.WIDTH), Math.min(wanted, affordable));
    int width = count(c.columns(), columnBlocks);
    int height = count(c.rows(), rowBlocks);
    Parallel.forEach(
        rowBlocks * columnBlocks,
        task -> {
          int row = task / columnBlocks * height;
          int column = task % columnBlocks * width;
          int rows = Math.min(height, c.rows() - row);
          int columns = Math.min(width, c.columns() - column);
          if (rows > 0 && columns > 0) {
            multiplyBlock(
                a.rows(row, rows),
                aScale,
                b.columns(column, columns),
                bScale,
                c.block(row, rows, column, columns),
                accumulate);
          }
        });
  }

  private static int count(int length, int part) {
    return (length + part - 1) / part;
  }

  private static void multiplyBlock(
      Matrix a, float aScale, Matrix b, float bScale, Matrix c, boolean accumulate) {
    float[][] right = Scratch.current().right();
    float[][] tile = Scratch.current().tile();
    int k0 = 0;
    do { // once even if there is nothing to add, because c may have to be cleared
      int depth = Math.min(Scratch.DEPTH, a.columns() - k0);
      copyRight(b, k0, depth, bScale, right);
      for (int row = 0; row < c.rows(); row += Tile.ROWS) {
        int rows = Math.min(Tile.ROWS, c.rows() - row);
        for (int i = 0; i < rows; i++) {
          if (k0 > 0 || accumulate) {
            read(c, row + i, tile[i]);
          } else {
            Arrays.fill(tile[i], 0, c.columns(), 0);
          }
        }
        if (depth > 0) {
          Tile.add(a, row, k0, depth, aScale, right, tile, c.columns());
        }
        for (int i = 0; i < rows; i++) {
          write(tile[i], c, row + i);
        }
      }
      k0 += Scratch.DEPTH;
    } while (k0 < a.columns());
  }

  /** Copies {@code depth} rows, from row {@code k0}, multiplied by a factor. */
  private static void copyRight(Matrix b, int k0, int depth, float scale, float[][] right) {
    if (b.columnStride() == 1) {
      for (int k = 0; k < depth; k++) {
        read(b, k0 + k, right[k]);
      }
    } else {
      for (int j0 = 0; j0 < b.columns(); j0 += COLUMNS_AT_A_TIME) {
        int j1 = Math.min(b.columns(), j0 + COLUMNS_AT_A_TIME);
        for (int k = 0; k < depth; k++) {
          read(b, k0 + k, j0, j1, right[k]);
        }
      }
    }
    if (scale != 1) {
      for (int k = 0; k < depth; k++) {
        scale(right[k], b.columns(), scale);
      }
    }
  }

  private static void scale(float[] row, int length, float factor) {
    for (int j = 0; j < length; j++) {
      row[j] *= factor;
    }
  }

  private static void read(Matrix m, int row, float[] elements) {
    if (m.columnStride() == 1) {
      System.arraycopy(m.data(), m.index(row, 0), elements, 0, m.columns());
    } else {
      read(m, row, 0, m.columns(), elements);
    }
  }

  private static void read(Matrix m, int row, int from, int to, float[] elements) {
    float[] data = m.data();
    int stride = m.columnStride();
    int at = m.index(row, from);
    for (int j = from; j < to; j++) {
      elements[j] = data[at];
      at += stride;
    }
  }

  private static void write(float[] elements, Matrix m, int row) {
    float[] data = m.data();
    int stride = m.columnStride();
    int at = m.index(row, 0);
    if (stride == 1) {
      System.arraycopy(elements, 0, data, at, m.columns());
      return;
    }
    for (int j = 0; j < m.columns(); j++) {
      data[at] = elements[j];
      at += stride;
    }
  }
}
