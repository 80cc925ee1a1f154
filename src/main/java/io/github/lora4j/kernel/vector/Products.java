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

  /** The inner dimension is taken in blocks of this size: a panel of it fits the first cache. */
  private static final int DEPTH = 384;

  /** The most rows of the left operand in a block: a multiple of both tile heights. */
  private static final int ROWS_PER_BLOCK = 120;

  /** The fewest columns that are worth packing rows again for. */
  private static final int COLUMNS_PER_BLOCK = 256;

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private Products() {}

  /** The buffers of one thread. */
  private static final class Scratch {
    final float[] left = new float[ROWS_PER_BLOCK * DEPTH];
    final float[] tile = new float[Tiles.ROWS * Tiles.WIDE];
    float[] right = new float[0];

    float[] right(int length) {
      if (right.length < length) {
        right = new float[length];
      }
      return right;
    }
  }

  /** {@code c = alpha a b}, or {@code c += alpha a b}, for operands in any orientation. */
  static void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    if (c.columnStride() != 1) {
      multiply(b.transpose(), a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    if (isNarrow(a, b, alpha)) {
      float[] right = SCRATCH.get().right(Panels.length(b.rows(), b.columns(), Lanes.COUNT));
      Panels.packRight(b, Lanes.COUNT, right);
      multiplyNarrow(a, right, b.columns(), c, accumulate);
      return;
    }
    float[] right = SCRATCH.get().right(Panels.length(b.rows(), b.columns(), Tiles.WIDE));
    Panels.packRight(b, Tiles.WIDE, right);
    multiplyPacked(a, right, b.columns(), alpha, c, accumulate, null);
  }

  /**
   * Whether the result is at most a vector wide and the rows of {@code a} can be read where they
   * are.
   */
  private static boolean isNarrow(Matrix a, Matrix b, float alpha) {
    return b.columns() <= Lanes.COUNT && a.columnStride() == 1 && alpha == 1;
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
    int rowBlocks = (rows + ROWS_PER_BLOCK - 1) / ROWS_PER_BLOCK;
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
    Scratch scratch = SCRATCH.get();
    int depth = a.columns();
    float[] data = c.data();
    if (depth == 0 && !accumulate) {
      start(c, firstRow, rows, firstPanel, endPanel, bias);
    }
    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
      int k1 = Math.min(depth, k0 + DEPTH);
      Panels.packLeft(a, firstRow, rows, k0, k1, alpha, scratch.left);
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
                k1 - k0, scratch.left, leftOffset, right, rightOffset, data, at, c.rowStride());
          } else {
            float[] tile = scratch.tile;
            copy(data, at, c.rowStride(), tile, 0, Tiles.WIDE, height, width);
            Tiles.wide(k1 - k0, scratch.left, leftOffset, right, rightOffset, tile, 0, Tiles.WIDE);
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

  /** The product with a right operand of at most a vector's width, {@code (k, LANES)}. */
  private static void multiplyNarrow(
      Matrix a, float[] right, int columns, Matrix c, boolean accumulate) {
    int rows = c.rows();
    int tiles = (rows + Tiles.ROWS - 1) / Tiles.ROWS;
    int tilesPerTask = Math.max(1, 4096 / Math.max(1, a.columns()));
    Parallel.forEach(
        (tiles + tilesPerTask - 1) / tilesPerTask,
        task -> {
          int end = Math.min(tiles, (task + 1) * tilesPerTask);
          for (int tile = task * tilesPerTask; tile < end; tile++) {
            narrowTile(a, tile * Tiles.ROWS, right, columns, c, accumulate);
          }
        });
  }

  private static void narrowTile(
      Matrix a, int firstRow, float[] right, int columns, Matrix c, boolean accumulate) {
    Scratch scratch = SCRATCH.get();
    float[] tile = scratch.tile;
    int height = Math.min(Tiles.ROWS, c.rows() - firstRow);
    int at = c.index(firstRow, 0);
    if (accumulate) {
      copy(c.data(), at, c.rowStride(), tile, 0, Lanes.COUNT, height, columns);
    } else {
      start(tile, 0, Lanes.COUNT, height, Lanes.COUNT, null, 0);
    }
    if (height == Tiles.ROWS) {
      Tiles.narrow(
          a.columns(),
          a.data(),
          a.index(firstRow, 0),
          a.rowStride(),
          right,
          0,
          tile,
          0,
          Lanes.COUNT);
    } else {
      // A stride of zero reads the first row again for each missing one; those results are not
      // used.
      for (int i = 0; i < height; i++) {
        int row = i * Lanes.COUNT;
        narrowRow(a, firstRow + i, right, tile, row, scratch);
      }
    }
    copy(tile, 0, Lanes.COUNT, c.data(), at, c.rowStride(), height, columns);
  }

  /** One row at the edge: computed as a tile whose rows are all that row. */
  private static void narrowRow(
      Matrix a, int row, float[] right, float[] tile, int at, Scratch scratch) {
    float[] all = scratch.left;
    for (int i = 0; i < Tiles.ROWS; i++) {
      System.arraycopy(tile, at, all, i * Lanes.COUNT, Lanes.COUNT);
    }
    Tiles.narrow(a.columns(), a.data(), a.index(row, 0), 0, right, 0, all, 0, Lanes.COUNT);
    System.arraycopy(all, 0, tile, at, Lanes.COUNT);
  }

  private static int roundUp(int value, int multiple) {
    return (value + multiple - 1) / multiple * multiple;
  }
}
