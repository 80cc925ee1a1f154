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
 * @param lowRank what is added, or null
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
          block(new Block(firstRow, whole, firstPanel, endPanel), true, added);
          block(
              new Block(firstRow + whole, endRow - firstRow - whole, firstPanel, endPanel),
              false,
              added);
        });
  }

  /** A part of the result, and the tiles in it: down a panel, then the next panel. */
  private record Block(int firstRow, int rows, int firstPanel, int endPanel) {

    int slivers() {
      return Panels.count(rows, Tiles.ROWS);
    }

    int tiles() {
      return slivers() * (endPanel - firstPanel);
    }

    int sliver(int tile) {
      return tile % slivers();
    }

    int panel(int tile) {
      return firstPanel + tile / slivers();
    }

    int row(int tile) {
      return firstRow + sliver(tile) * Tiles.ROWS;
    }

    int column(int tile) {
      return panel(tile) * Tiles.WIDE;
    }

    int height(int tile) {
      return Math.min(Tiles.ROWS, rows - sliver(tile) * Tiles.ROWS);
    }
  }

  private void block(Block block, boolean inPlace, @Nullable LowRankTiles added) {
    if (block.rows() == 0) {
      return;
    }
    Slivers left = Scratch.current().left();
    int depth = a.columns();
    if (added != null) {
      added.begin(block.firstRow(), block.rows());
    }
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Scratch.DEPTH);
      if (inPlace) {
        left.lie(a, block.firstRow(), k0);
      } else {
        left.copy(a, block.firstRow(), block.rows(), k0, k1);
      }
      if (added != null) {
        added.advance(left, block.rows(), k0, k1);
      }
      boolean begins = k0 == 0 && !accumulate;
      if (begins) {
        start(block, 0);
      }
      for (int tile = 0; tile < block.tiles(); tile++) {
        if (begins && tile + 1 < block.tiles()) {
          start(block, tile + 1); // its lines come from memory while this one is computed
        }
        add(block, tile, k0, k1, added);
      }
      k0 = k1;
    } while (k0 < depth);
    if (added != null && block.firstPanel() == 0) {
      added.store(block.firstRow(), block.rows());
    }
  }

  /** Adds the products for a block of the inner dimension to a tile. */
  private void add(Block block, int tile, int k0, int k1, @Nullable LowRankTiles added) {
    Scratch scratch = Scratch.current();
    int height = block.height(tile);
    int width = width(block, tile);
    int inC = c.index(block.row(tile), block.column(tile));
    boolean whole = height == Tiles.ROWS && width == Tiles.WIDE;
    float[] sums = whole ? c.data() : scratch.tile();
    int at = whole ? inC : 0;
    int stride = whole ? c.rowStride() : Tiles.WIDE;
    if (!whole) {
      Panels.copyRows(c.data(), inC, c.rowStride(), sums, at, stride, height, width);
    }
    int sliver = block.sliver(tile);
    int panel = block.panel(tile);
    int right = (panel * a.columns() + k0) * Tiles.WIDE;
    scratch.left().addProduct(sliver, k1 - k0, panels, right, sums, at, stride);
    if (added != null && k1 == a.columns()) {
      added.addProduct(sliver, panel, sums, at, stride);
    }
    if (!whole) {
      Panels.copyRows(sums, at, stride, c.data(), inC, c.rowStride(), height, width);
    }
  }

  private int width(Block block, int tile) {
    return Math.min(Tiles.WIDE, c.columns() - block.column(tile));
  }

  /** Puts what the chains of a tile begin at: addend and bias, or zeros. */
  private void start(Block block, int tile) {
    float[] to = c.data();
    int firstRow = block.row(tile);
    int height = block.height(tile);
    int column = block.column(tile);
    int width = width(block, tile);
    if (addend == null && bias == null && height == Tiles.ROWS && width == Tiles.WIDE) {
      Tiles.clear(to, c.index(firstRow, column), c.rowStride());
      return;
    }
    for (int i = firstRow; i < firstRow + height; i++) {
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
