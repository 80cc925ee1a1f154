package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * A product whose right operand comes in panels: cuts the result into blocks for the threads, and a
 * block into tiles, so that some panels stay in the second cache while all rows of the left operand
 * go by.
 *
 * <p>How the work is cut for the threads changes no result: an element is a sum of chains of fma in
 * ascending order of the inner index, one for each slice of the inner dimension; the chain of the
 * low-rank product is added to the last of them.
 *
 * @param a {@code (m, k)}
 * @param b {@code (k, n)}
 * @param accumulate whether all is added to what stands in {@code c}; then there is no other addend
 * @param bias what is added to each row, {@code (n)}, or null
 * @param addend what else is added, {@code (m, n)}, or null
 * @param lowRank what is added, or null
 * @param c {@code (m, n)}, consecutive elements in a row
 */
record WideProduct(
    Matrix a,
    RightOperand b,
    boolean accumulate,
    float @Nullable [] bias,
    @Nullable Matrix addend,
    @Nullable LowRank lowRank,
    Matrix c) {

  /** The most panels of a block: they fit the second cache. */
  private static final int MOST_PANELS = 4;

  private static final int TASKS_PER_THREAD = 4;

  /** The fewest slivers of a block. */
  private static final int FEWEST_SLIVERS = 4;

  /**
   * The most rows of the left operand of which a slice is copied at a time: the copies pass by
   * again for every few panels, so they should stay in the last cache.
   */
  private static final int MOST_ROWS = 1024;

  /** The product alone. */
  WideProduct(Matrix a, RightOperand b, boolean accumulate, Matrix c) {
    this(a, b, accumulate, null, null, null, c);
  }

  void run() {
    if (c.rows() == 0) {
      return;
    }
    int slivers = Panels.count(c.rows(), Tiles.ROWS);
    int parts = Panels.count(c.rows(), MOST_ROWS);
    int rows = Panels.count(slivers, parts) * Tiles.ROWS;
    LowRankTiles added = LowRankTiles.of(lowRank);
    for (int first = 0; first < c.rows(); first += rows) {
      part(first, Math.min(rows, c.rows() - first), added);
    }
  }

  /** Computes some rows of the result, a slice of the inner dimension after the other. */
  private void part(int firstRow, int rows, @Nullable LowRankTiles added) {
    if (added != null) {
      added.of(firstRow, rows);
    }
    int depth = a.columns();
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Tiles.DEPTH);
      slice(firstRow, rows, k0, k1, added);
      k0 = k1;
    } while (k0 < depth);
  }

  /** Adds a slice of the inner dimension: first what all tiles need of it, then the tiles. */
  private void slice(int firstRow, int rows, int k0, int k1, @Nullable LowRankTiles added) {
    int panelCount = Panels.count(c.columns(), Tiles.WIDE);
    Slivers left = Scratch.current().left();
    left.of(a.rows(firstRow, rows).columns(k0, k1 - k0));
    Parallel.forEach(left.count(), sliver -> prepare(left, sliver, k0, added));
    int wanted = TASKS_PER_THREAD * Parallel.threads();
    int panels = Math.max(1, Math.min(MOST_PANELS, panelCount / wanted));
    int columnBlocks = Panels.count(panelCount, panels);
    int mostRowBlocks = Panels.count(left.count(), FEWEST_SLIVERS);
    int rowBlocks = Math.min(mostRowBlocks, Panels.count(wanted, Math.max(1, columnBlocks)));
    Parallel.forEach(
        rowBlocks * columnBlocks,
        task -> {
          int row = task / columnBlocks;
          int column = task % columnBlocks;
          Block block =
              new Block(
                  firstRow,
                  row * left.count() / rowBlocks,
                  (row + 1) * left.count() / rowBlocks,
                  column * panelCount / columnBlocks,
                  (column + 1) * panelCount / columnBlocks);
          compute(block, left, k0, k1, added);
        });
  }

  private static void prepare(Slivers left, int sliver, int k0, @Nullable LowRankTiles added) {
    left.copy(sliver);
    if (added != null) {
      added.addToHidden(left, sliver, k0);
    }
  }

  /** The slivers and panels of which the tiles of a part of the result are made. */
  private record Block(int firstRow, int firstSliver, int endSliver, int firstPanel, int endPanel) {

    int row(int sliver) {
      return firstRow + sliver * Tiles.ROWS;
    }
  }

  private void compute(Block block, Slivers left, int k0, int k1, @Nullable LowRankTiles added) {
    RightOperand.Block right = b.block(block.firstPanel(), block.endPanel(), k0, k1);
    boolean begins = k0 == 0 && !accumulate;
    LowRankTiles last = k1 == a.columns() ? added : null;
    for (int sliver = block.firstSliver(); sliver < block.endSliver(); sliver++) {
      for (int panel = block.firstPanel(); panel < block.endPanel(); panel++) {
        int row = block.row(sliver);
        int column = panel * Tiles.WIDE;
        int from = right.offset() + (panel - block.firstPanel()) * right.step();
        TileProduct product = left.multiply(sliver, 0, k1 - k0, right.elements(), from);
        if (last != null) {
          last.addTo(product, sliver, panel);
        }
        if (begins) {
          begin(product, row, column);
        } else {
          product.addTo(c, row, column);
        }
      }
    }
  }

  /** Writes the first tile of a sum, with addend and bias. */
  private void begin(TileProduct product, int row, int column) {
    if (addend != null) {
      if (bias != null) {
        product.addRow(bias, column, Math.min(Tiles.WIDE, c.columns() - column));
      }
      int from = addend.index(row, column);
      product.copyTo(c, row, column, addend.data(), from, addend.rowStride());
    } else if (bias != null) {
      product.copyTo(c, row, column, bias, column, 0);
    } else {
      product.copyTo(c, row, column);
    }
  }
}
