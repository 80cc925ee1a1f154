package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A product whose right operand comes in panels: cuts the result into blocks for the threads, and a
 * block into tiles, so that some panels stay in the second cache while all rows of the left operand
 * go by.
 *
 * <p>How the work is cut changes no result: an element is one chain of fma in ascending order of
 * the inner index, kept in {@code c} from one block of the inner dimension to the next, followed by
 * the chain of the low-rank product.
 *
 * @param a {@code (m, k)}
 * @param b {@code (k, n)}
 * @param accumulate whether the chains begin at what stands in {@code c}
 * @param bias what else they begin at, {@code (n)}, or null for zeros
 * @param addend what is added to that, {@code (m, n)}, or null
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

  /** The most elements of the left operand that are copied at a time: the copies take 16 MiB. */
  private static final int MOST_COPIED = 3 << 20;

  /**
   * The inner dimension is taken in blocks of at most this size: a panel of it and rows of the left
   * operand fit the second cache, and a tile of the result is fetched seldom.
   */
  private static final int DEPTH = 768;

  /** The product alone. */
  WideProduct(Matrix a, RightOperand b, boolean accumulate, Matrix c) {
    this(a, b, accumulate, null, null, null, c);
  }

  void run() {
    if (c.rows() == 0) {
      return;
    }
    int slivers = Math.max(1, MOST_COPIED / Math.max(1, a.columns()) / Tiles.ROWS);
    int rows = Math.min(c.rows(), slivers * Tiles.ROWS);
    LowRankTiles added = LowRankTiles.of(lowRank);
    for (int first = 0; first < c.rows(); first += rows) {
      part(first, Math.min(rows, c.rows() - first), added);
    }
  }

  /** Computes some rows of the result: first what all blocks of it need, then the blocks. */
  private void part(int firstRow, int rows, @Nullable LowRankTiles added) {
    int panelCount = Panels.count(c.columns(), Tiles.WIDE);
    Slivers left = Scratch.current().left();
    left.of(a.rows(firstRow, rows));
    if (added != null) {
      added.of(firstRow, rows);
    }
    Parallel.forEach(left.count(), sliver -> prepare(left, sliver, added));
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
                  firstRow + rows,
                  row * left.count() / rowBlocks,
                  (row + 1) * left.count() / rowBlocks,
                  column * panelCount / columnBlocks,
                  (column + 1) * panelCount / columnBlocks);
          compute(block, left, added);
        });
  }

  private static void prepare(Slivers left, int sliver, @Nullable LowRankTiles added) {
    left.copy(sliver);
    if (added != null) {
      added.makeHidden(left, sliver);
    }
  }

  /** The slivers and panels of which the tiles of a part of the result are made. */
  private record Block(
      int firstRow, int endRow, int firstSliver, int endSliver, int firstPanel, int endPanel) {

    int row(int sliver) {
      return firstRow + sliver * Tiles.ROWS;
    }

    int height(int sliver) {
      return Math.min(Tiles.ROWS, endRow - row(sliver));
    }
  }

  private void compute(Block block, Slivers left, @Nullable LowRankTiles added) {
    int depth = a.columns();
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + DEPTH);
      RightOperand.Block right = b.block(block.firstPanel(), block.endPanel(), k0, k1);
      LowRankTiles last = k1 == depth ? added : null;
      boolean begins = k0 == 0 && !accumulate;
      if (begins) {
        start(block, block.firstSliver());
      }
      for (int sliver = block.firstSliver(); sliver < block.endSliver(); sliver++) {
        if (begins && sliver + 1 < block.endSliver()) {
          start(block, sliver + 1); // its lines come from memory while this one is computed
        }
        for (int panel = block.firstPanel(); panel < block.endPanel(); panel++) {
          add(block, sliver, panel, left, k0, k1, right, last);
        }
      }
      k0 = k1;
    } while (k0 < depth);
  }

  /** Adds the products for a block of the inner dimension to a tile. */
  private void add(
      Block block,
      int sliver,
      int panel,
      Slivers left,
      int k0,
      int k1,
      RightOperand.Block right,
      @Nullable LowRankTiles added) {
    int row = block.row(sliver);
    int from = right.offset() + (panel - block.firstPanel()) * right.step();
    left.addProduct(sliver, k0, k1, right.elements(), from, c, row, panel * Tiles.WIDE);
    if (added != null) {
      added.addProduct(sliver, panel, c, row);
    }
  }

  /** Puts what the chains of a sliver's tiles begin at: addend and bias, or zeros. */
  private void start(Block block, int sliver) {
    float[] to = c.data();
    int column = block.firstPanel() * Tiles.WIDE;
    int width = Math.min(c.columns(), block.endPanel() * Tiles.WIDE) - column;
    int firstRow = block.row(sliver);
    for (int i = firstRow; i < firstRow + block.height(sliver); i++) {
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
