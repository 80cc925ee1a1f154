package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A product whose right operand is in panels: cuts the result into blocks for the threads, and a
 * block into tiles, so that the rows of the left operand stay in the second cache while the panels
 * go by.
 *
 * <p>How the work is cut changes no result: an element is one chain of fma in ascending order of
 * the inner index, kept in {@code c} from one block of the inner dimension to the next, followed by
 * the chain of the low-rank product.
 *
 * @param a {@code (m, k)}
 * @param right {@code (k, n)}
 * @param accumulate whether the chains begin at what stands in {@code c}
 * @param bias what else they begin at, {@code (n)}, or null for zeros
 * @param addend what is added to that, {@code (m, n)}, or null
 * @param lowRank {@code (m, r)} and {@code (r, n)}, or null
 * @param c {@code (m, n)}, consecutive elements in a row
 */
record WideProduct(
    Matrix a,
    RightPanels right,
    boolean accumulate,
    float @Nullable [] bias,
    @Nullable Matrix addend,
    @Nullable LowRank lowRank,
    Matrix c) {

  /** The fewest columns that are worth packing rows again for. */
  private static final int COLUMNS_PER_BLOCK = 256;

  /** The most panels for which rows are read where they lie: more are worth packing rows for. */
  private static final int PANELS_IN_PLACE = 4;

  private static final int TASKS_PER_THREAD = 4;

  void run() {
    int rows = c.rows();
    if (rows == 0 || c.columns() == 0) {
      return;
    }
    LowRankTiles added = LowRankTiles.of(lowRank);
    int slivers = Panels.count(rows, Tiles.ROWS);
    int rowBlocks = Panels.count(slivers, Scratch.LEFT_ROWS / Tiles.ROWS);
    int panels = Panels.count(c.columns(), Tiles.WIDE);
    int wanted = Panels.count(TASKS_PER_THREAD * Parallel.threads(), rowBlocks);
    int columnBlocks = Math.min(wanted, Math.max(1, c.columns() / COLUMNS_PER_BLOCK));
    Parallel.forEach(
        rowBlocks * columnBlocks,
        task -> {
          int row = task / columnBlocks;
          int column = task % columnBlocks;
          int firstRow = row * slivers / rowBlocks * Tiles.ROWS;
          int endRow = Math.min(rows, (row + 1) * slivers / rowBlocks * Tiles.ROWS);
          int firstPanel = column * panels / columnBlocks;
          int endPanel = (column + 1) * panels / columnBlocks;
          block(firstRow, endRow - firstRow, firstPanel, endPanel, added);
        });
  }

  private void block(
      int firstRow, int rows, int firstPanel, int endPanel, @Nullable LowRankTiles added) {
    Scratch scratch = Scratch.current();
    int depth = a.columns();
    if (added != null) {
      added.packRows(firstRow, rows);
    }
    boolean inPlace = a.columnStride() == 1 && endPanel - firstPanel <= PANELS_IN_PLACE;
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Scratch.DEPTH);
      if (!inPlace) {
        Panels.packLeft(a, firstRow, rows, k0, k1, scratch.left());
      }
      for (int panel = firstPanel; panel < endPanel; panel++) {
        float[] elements = right.panel(panel, k0, k1, scratch.widened());
        int at = right.panelOffset(panel, k0);
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
          int tileAt = whole ? c.index(row, column) : 0;
          int stride = whole ? c.rowStride() : Tiles.WIDE;
          if (!whole) {
            Panels.copyRows(
                c.data(), c.index(row, column), c.rowStride(), tile, 0, stride, height, width);
          }
          if (inPlace && height == Tiles.ROWS) {
            int left = a.index(row, k0);
            RowTiles.wide(
                k1 - k0, a.data(), left, a.rowStride(), elements, at, tile, tileAt, stride);
          } else {
            int left = inPlace ? 0 : i * (k1 - k0);
            if (inPlace) {
              Panels.packLeft(a, row, height, k0, k1, scratch.left());
            }
            Tiles.wide(k1 - k0, scratch.left(), left, elements, at, tile, tileAt, stride);
          }
          if (added != null && k1 == depth) {
            added.add(i, panel, tile, tileAt, stride);
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
          to[at + j] += bias[column + j];
        }
      } else if (bias != null) {
        System.arraycopy(bias, column, to, at, width);
      } else {
        Arrays.fill(to, at, at + width, 0f);
      }
    }
  }
}
