package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product around {@link Tiles}: cuts the result into blocks for the threads, and a block
 * into tiles, so that a panel of the right operand stays in the first cache and the rows of the
 * left one in the second.
 *
 * <p>How the work is cut changes no result: an element is one chain of fma in ascending order of
 * the inner index, kept in {@code c} from one block of the inner dimension to the next.
 */
final class Products {

  /** The fewest columns that are worth packing rows again for. */
  private static final int COLUMNS_PER_BLOCK = 256;

  private Products() {}

  /** {@code c = alpha a b}, or {@code c += alpha a b}, for operands in any orientation. */
  static void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    if (c.columnStride() != 1) {
      multiply(b.transpose(), a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    if (c.columns() <= Lanes.COUNT) {
      NarrowProducts.multiply(a, alpha, b, 1, c, accumulate);
      return;
    }
    if (c.rows() <= Lanes.COUNT) {
      NarrowProducts.multiply(b.transpose(), 1, a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    float[] right = Scratch.current().right(Panels.length(b.rows(), b.columns(), Tiles.WIDE));
    Panels.packRight(b, 1, Tiles.WIDE, right);
    multiplyPacked(a, right, b.columns(), alpha, c, accumulate, null);
  }

  /**
   * The product with a packed right operand.
   *
   * @param right panels {@code (panel, k, WIDE)}
   * @param columns n
   * @param bias what the rows of {@code c} start with if they are overwritten, or null for zeros
   */
  static void multiplyPacked(
      Matrix a,
      float[] right,
      int columns,
      float alpha,
      Matrix c,
      boolean accumulate,
      float @Nullable [] bias) {
    int rows = c.rows();
    if (rows == 0 || columns == 0) {
      return;
    }
    int rowBlocks = (rows + Scratch.LEFT_ROWS - 1) / Scratch.LEFT_ROWS;
    int rowsPerBlock = roundUp((rows + rowBlocks - 1) / rowBlocks, Tiles.ROWS);
    int panels = Panels.count(columns, Tiles.WIDE);
    int wanted = (4 * Parallel.threads() + rowBlocks - 1) / rowBlocks;
    int affordable = Math.max(1, columns / COLUMNS_PER_BLOCK);
    int columnBlocks = Math.min(wanted, affordable);
    int panelsPerBlock = (panels + columnBlocks - 1) / columnBlocks;
    int blocks = (panels + panelsPerBlock - 1) / panelsPerBlock;
    Parallel.forEach(
        rowBlocks * blocks,
        task -> {
          int firstRow = task / blocks * rowsPerBlock;
          int firstPanel = task % blocks * panelsPerBlock;
          int count = Math.min(rowsPerBlock, rows - firstRow);
          if (count > 0) {
            block(
                a,
                firstRow,
                count,
                right,
                firstPanel,
                Math.min(panels, firstPanel + panelsPerBlock),
                alpha,
                c,
                accumulate,
                bias);
          }
        });
  }

  private static void block(
      Matrix a,
      int firstRow,
      int rows,
      float[] right,
      int firstPanel,
      int endPanel,
      float alpha,
      Matrix c,
      boolean accumulate,
      float @Nullable [] bias) {
    Scratch scratch = Scratch.current();
    int depth = a.columns();
    float[] data = c.data();
    if (depth == 0 && !accumulate) {
      start(c, firstRow, rows, firstPanel, endPanel, bias);
    }
    for (int k0 = 0; k0 < depth; k0 += Scratch.DEPTH) {
      int k1 = Math.min(depth, k0 + Scratch.DEPTH);
      Panels.packLeft(a, firstRow, rows, k0, k1, alpha, scratch.left());
      boolean fresh = k0 == 0 && !accumulate;
      for (int panel = firstPanel; panel < endPanel; panel++) {
        int column = panel * Tiles.WIDE;
        int width = Math.min(Tiles.WIDE, c.columns() - column);
        int rightOffset = (panel * depth + k0) * Tiles.WIDE;
        for (int i = 0; i < rows; i += Tiles.ROWS) {
          int height = Math.min(Tiles.ROWS, rows - i);
          int at = c.index(firstRow + i, column);
          if (fresh) {
            start(data, at, c.rowStride(), height, width, bias, column);
          }
          int leftOffset = i * (k1 - k0);
          if (height == Tiles.ROWS && width == Tiles.WIDE) {
            Tiles.wide(
                k1 - k0, scratch.left(), leftOffset, right, rightOffset, data, at, c.rowStride());
          } else {
            float[] tile = scratch.tile();
            copy(data, at, c.rowStride(), tile, 0, Tiles.WIDE, height, width);
            Tiles.wide(
                k1 - k0, scratch.left(), leftOffset, right, rightOffset, tile, 0, Tiles.WIDE);
            copy(tile, 0, Tiles.WIDE, data, at, c.rowStride(), height, width);
          }
        }
      }
    }
  }

  private static void start(
      Matrix c, int firstRow, int rows, int firstPanel, int endPanel, float @Nullable [] bias) {
    int column = firstPanel * Tiles.WIDE;
    int end = Math.min(c.columns(), endPanel * Tiles.WIDE);
    start(c.data(), c.index(firstRow, column), c.rowStride(), rows, end - column, bias, column);
  }

  /** Puts the bias, or zeros, where a tile will be added. */
  private static void start(
      float[] data,
      int at,
      int stride,
      int height,
      int width,
      float @Nullable [] bias,
      int column) {
    for (int i = 0; i < height; i++) {
      int row = at + i * stride;
      if (bias == null) {
        for (int j = 0; j < width; j++) {
          data[row + j] = 0;
        }
      } else {
        System.arraycopy(bias, column, data, row, width);
      }
    }
  }

  private static void copy(
      float[] from,
      int fromOffset,
      int fromStride,
      float[] to,
      int toOffset,
      int toStride,
      int rows,
      int columns) {
    for (int i = 0; i < rows; i++) {
      System.arraycopy(from, fromOffset + i * fromStride, to, toOffset + i * toStride, columns);
    }
  }

  private static int roundUp(int value, int multiple) {
    return (value + multiple - 1) / multiple * multiple;
  }
}
