package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of a linear map by its input, {@code dx = dy W + factor left right}, from the one
 * copy of W that is laid out for the forward pass. Computed as its transpose, {@code dx^T = W^T
 * dy^T}, in which W is the left operand: its columns are copied from the panels. A block of the
 * transposed result is gathered in the second cache and turned when it is written.
 *
 * <p>How the work is cut changes no result, as in {@link WideProduct}.
 *
 * @param dy {@code (m, out)}
 * @param weight W, {@code (out, in)}
 * @param lowRank {@code (m, r)} and {@code (r, in)}, or null
 * @param dx {@code (m, in)}, consecutive elements in a row
 * @param accumulate whether to add to {@code dx}
 */
record TransposedProduct(
    Matrix dy, FrozenWeight weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate) {

  /** The most tokens in a block: its result and the rows of W^T share the second cache. */
  private static final int PANELS_PER_BLOCK = 512 / Tiles.WIDE;

  /** The fewest slivers of W^T that are worth reading panels of dy^T for. */
  private static final int SLIVERS_PER_BLOCK = 4;

  /**
   * The distance of two rows of W^T in the scratch: not a power of two, as many are read at once.
   */
  private static final int ROW = Scratch.DEPTH + Lanes.COUNT;

  private static final int TASKS_PER_THREAD = 4;

  void run() {
    if (dx.rows() == 0 || dx.columns() == 0) {
      return;
    }
    Scratch scratch = Scratch.current();
    Matrix right = dy.transpose(); // (out, m)
    float[] panels = scratch.right(Panels.length(right.rows(), right.columns(), Tiles.WIDE));
    Panels.packRight(right, 1, Tiles.WIDE, panels);
    LowRankTiles added = LowRankTiles.ofTranspose(lowRank);
    int panelCount = Panels.count(dx.rows(), Tiles.WIDE);
    int groups = Panels.count(panelCount, PANELS_PER_BLOCK);
    int slivers = Panels.count(dx.columns(), Tiles.ROWS);
    int wanted = Panels.count(TASKS_PER_THREAD * Parallel.threads(), groups);
    int blocks =
        Math.max(
            Panels.count(slivers, Scratch.LEFT_ROWS / Tiles.ROWS),
            Math.min(wanted, Panels.count(slivers, SLIVERS_PER_BLOCK)));
    Parallel.forEach(
        blocks * groups,
        task -> {
          int block = task / groups;
          int group = task % groups;
          int first = block * slivers / blocks * Tiles.ROWS;
          int end = (block + 1) * slivers / blocks * Tiles.ROWS;
          int firstPanel = group * panelCount / groups;
          int endPanel = (group + 1) * panelCount / groups;
          block(first, end - first, firstPanel, endPanel, panels, added);
        });
  }

  /** Computes columns {@code first} and on of {@code dx} for the tokens of some panels. */
  private void block(
      int first,
      int count,
      int firstPanel,
      int endPanel,
      float[] panels,
      @Nullable LowRankTiles added) {
    Scratch scratch = Scratch.current();
    int depth = dy.columns();
    int tokens = (endPanel - firstPanel) * Tiles.WIDE;
    int stride = tokens + Lanes.COUNT; // not a power of two: columns are read from it
    float[] result = scratch.result(count * stride);
    Arrays.fill(result, 0, count * stride, 0f);
    int present = Math.min(count, dx.columns() - first);
    if (added != null) {
      added.packRows(first, present);
    }
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Scratch.DEPTH);
      for (int k = k0; k < k1; k += Tiles.WIDE) {
        weight.copyColumns(k / Tiles.WIDE, first, present, scratch.left(), k - k0, ROW);
      }
      for (int panel = firstPanel; panel < endPanel; panel++) {
        int column = (panel - firstPanel) * Tiles.WIDE;
        for (int i = 0; i < count; i += Tiles.ROWS) {
          RowTiles.wide(
              k1 - k0,
              scratch.left(),
              i * ROW,
              ROW,
              panels,
              (panel * depth + k0) * Tiles.WIDE,
              result,
              i * stride + column,
              stride);
          if (added != null && k1 == depth) {
            added.add(i, panel, result, i * stride + column, stride);
          }
        }
        if (k1 == depth) {
          turn(result, column, stride, panel * Tiles.WIDE, first, present);
        }
      }
      k0 = k1;
    } while (k0 < depth);
  }

  /** Writes or adds the transpose of a finished panel to {@code dx}, while it is in the cache. */
  private void turn(float[] result, int from, int stride, int firstToken, int first, int count) {
    int end = Math.min(Tiles.WIDE, dx.rows() - firstToken);
    int token = 0;
    for (; token + 4 <= end; token += 4) {
      int at = dx.index(firstToken + token, first);
      if (accumulate) {
        addFour(result, from + token, stride, dx.data(), at, dx.rowStride(), count);
      } else {
        writeFour(result, from + token, stride, dx.data(), at, dx.rowStride(), count);
      }
    }
    for (; token < end; token++) {
      int at = dx.index(firstToken + token, first);
      for (int i = 0; i < count; i++) {
        float sum = result[from + token + i * stride];
        dx.data()[at + i] = accumulate ? dx.data()[at + i] + sum : sum;
      }
    }
  }

  private static void writeFour(
      float[] result, int from, int stride, float[] to, int row0, int rowStride, int count) {
    int row1 = row0 + rowStride;
    int row2 = row1 + rowStride;
    int row3 = row2 + rowStride;
    int at = from;
    for (int i = 0; i < count; i++) {
      to[row0 + i] = result[at];
      to[row1 + i] = result[at + 1];
      to[row2 + i] = result[at + 2];
      to[row3 + i] = result[at + 3];
      at += stride;
    }
  }

  private static void addFour(
      float[] result, int from, int stride, float[] to, int row0, int rowStride, int count) {
    int row1 = row0 + rowStride;
    int row2 = row1 + rowStride;
    int row3 = row2 + rowStride;
    int at = from;
    for (int i = 0; i < count; i++) {
      to[row0 + i] += result[at];
      to[row1 + i] += result[at + 1];
      to[row2 + i] += result[at + 2];
      to[row3 + i] += result[at + 3];
      at += stride;
    }
  }
}
