package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A product whose right operand is packed: cuts the result into blocks for the threads, and a block
 * into tiles, so that rows of the left operand stay in the second cache while the panels go by.
 *
 * <p>How the work is cut changes no result: an element is one chain of fma in ascending order of
 * the inner index, kept in {@code c} from one block of the inner dimension to the next, followed by
 * the chain of the low-rank product.
 *
 * @param a {@code (m, k)}
 * @param panels the right operand {@code (k, n)}, packed: {@code (panel, k, WIDE)}
 * @param accumulate whether the chains begin at what stands in {@code c}
 * @param bias what else they begin at, {@code (n)} from {@code firstBias}, or null for zeros
 * @param firstBias where the bias begins
 * @param addend what is added to that, {@code (m, n)}, or null
 * @param lowRank {@code (m, r)} and {@code (r, n)}, or null
 * @param c {@code (m, n)}, consecutive elements in a row
 */
record WideProduct(
    Matrix a,
    float[] panels,
    boolean accumulate,
    float @Nullable [] bias,
    int firstBias,
    @Nullable Matrix addend,
    @Nullable LowRank lowRank,
    Matrix c) {

  /** The fewest columns that are worth copying rows again for. */
  private static final int COLUMNS_PER_BLOCK = 256;

  /** The most panels for which rows are read where they lie: more are worth copying rows for. */
  private static final int PANELS_IN_PLACE = 4;

  private static final int TASKS_PER_THREAD = 4;

  /** The product alone. */
  WideProduct(Matrix a, float[] panels, boolean accumulate, Matrix c) {
    this(a, panels, accumulate, null, 0, null, null, c);
  }

  void run() {
    int rows = c.rows();
    if (rows == 0 || c.columns() == 0) {
      return;
    }
    LowRankTiles added = LowRankTiles.of(lowRank);
    int slivers = Panels.count(rows, Tiles.ROWS);
    int rowBlocks = Panels.count(slivers, Scratch.LEFT_ROWS / Tiles.ROWS);
    int panelCount = Panels.count(c.columns(), Tiles.WIDE);
    int wanted = Panels.count(TASKS_PER_THREAD * Parallel.threads(), rowBlocks);
    int columnBlocks = Math.min(wanted, Math.max(1, c.columns() / COLUMNS_PER_BLOCK));
    Parallel.forEach(
        rowBlocks * columnBlocks,
        task -> {
          int row = task / columnBlocks;
          int column = task % columnBlocks;
          int firstRow = row * slivers / rowBlocks * Tiles.ROWS;
          int endRow = Math.min(rows, (row + 1) * slivers / rowBlocks * Tiles.ROWS);
          int firstPanel = column * panelCount / columnBlocks;
          int endPanel = (column + 1) * panelCount / columnBlocks;
          boolean inPlace = endPanel - firstPanel <= PANELS_IN_PLACE;
          int whole = inPlace ? (endRow - firstRow) / Tiles.ROWS * Tiles.ROWS : 0;
          block(firstRow, whole, true, firstPanel, endPanel, added);
          block(firstRow + whole, endRow - firstRow - whole, false, firstPanel, endPanel, added);
        });
  }

  private void block(
      int firstRow,
      int rows,
      boolean inPlace,
      int firstPanel,
      int endPanel,
      @Nullable LowRankTiles added) {
    if (rows == 0) {
      return;
    }
    Scratch scratch = Scratch.current();
    Slivers left = scratch.left();
    int depth = a.columns();
    if (added != null) {
      added.copyRows(firstRow, rows);
    }
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Scratch.DEPTH);
      if (inPlace) {
        left.lie(a, firstRow, k0);
      } else {
        left.copy(a, firstRow, rows, k0, k1);
      }
      for (int panel = firstPanel; panel < endPanel; panel++) {
        int column = panel * Tiles.WIDE;
        int width = Math.min(Tiles.WIDE, c.columns() - column);
        for (int i = 0; i < rows; i += Tiles.ROWS) {
          int row = firstRow + i;
          int height = Math.min(Tiles.ROWS, rows - i);
          if (k0 == 0 && !accumulate) {
            start(row, height, column, width);
          }
          boolean whole = height == Tiles.ROWS && width == Tiles.WIDE;
          float[] tile = whole ? c.data() : scratch.tile();
          int at = whole ? c.index(row, column) : 0;
          int stride = whole ? c.rowStride() : Tiles.WIDE;
          if (!whole) {
            Panels.copyRows(
                c.data(), c.index(row, column), c.rowStride(), tile, 0, stride, height, width);
          }
          int sliver = i / Tiles.ROWS;
          int right = (panel * depth + k0) * Tiles.WIDE;
          left.addProduct(sliver, k1 - k0, panels, right, tile, at, stride);
          if (added != null && k1 == depth) {
            added.addProduct(sliver, panel, tile, at, stride);
          }
          if (!whole) {
            Panels.copyRows(
                tile, 0, stride, c.data(), c.index(row, column), c.rowStride(), height, width);
          }
        }
      }
      k0 = k1;
    } while (k0 < depth);
  }

  /** Puts what the chains of a tile begin at: addend and bias, or zeros. */
  private void start(int row, int height, int column, int width) {
    float[] to = c.data();
    if (addend == null && bias == null && height == Tiles.ROWS && width == Tiles.WIDE) {
      Tiles.clear(to, c.index(row, column), c.rowStride());
      return;
    }
    for (int i = row; i < row + height; i++) {
      int at = c.index(i, column);
      if (addend != null) {
        System.arraycopy(addend.data(), addend.index(i, column), to, at, width);
        for (int j = 0; bias != null && j < width; j++) {
          to[at + j] += bias[firstBias + column + j];
        }
      } else if (bias != null) {
        System.arraycopy(bias, firstBias + column, to, at, width);
      } else {
        Arrays.fill(to, at, at + width, 0f);
      }
    }
  }
}
