package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;

/**
 * Products whose result has at most as many columns as a vector has lanes: those with a LoRA
 * matrix, a small head, or a short sequence. The left operand is read where it lies, in either
 * orientation; only rows at the edge are copied.
 */
final class NarrowProducts {

  /** About how many steps of the inner index, over all its tiles, are worth a task. */
  private static final int STEPS_PER_TASK = 32768;

  /**
   * How many rows of a transposed left operand are read at a time: what the tiles of a task need of
   * them, a line or two each, stays in the first cache from one tile to the next.
   */
  private static final int DEPTH = 32;

  private static final int TILE = Tiles.ROWS * Lanes.COUNT;

  private NarrowProducts() {}

  /** {@code c = left (scale right)}, or {@code c +=} that; {@code c} in any orientation. */
  static void multiply(Matrix left, Matrix right, float scale, Matrix c, boolean accumulate) {
    int depth = right.rows();
    float[] panel = Scratch.current().right(Panels.length(depth, right.columns(), Lanes.COUNT));
    Panels.packRight(right, scale, Lanes.COUNT, panel);
    int tiles = Panels.count(c.rows(), Tiles.ROWS);
    int tasks = Panels.count(tiles, Math.max(1, STEPS_PER_TASK / Math.max(1, depth)));
    Parallel.forEach(
        tasks,
        task -> {
          int first = task * tiles / tasks;
          tiles(left, first, (task + 1) * tiles / tasks, panel, c, accumulate);
        });
  }

  private static void tiles(
      Matrix left, int first, int end, float[] panel, Matrix c, boolean accumulate) {
    float[] sums = Scratch.current().result((end - first) * TILE);
    int firstRow = first * Tiles.ROWS;
    int endRow = Math.min(c.rows(), end * Tiles.ROWS);
    Matrix part = c.rows(firstRow, endRow - firstRow);
    int whole = (endRow - firstRow) / Tiles.ROWS;
    int edgeRow = firstRow + whole * Tiles.ROWS;
    Slivers edge = Scratch.current().left();
    edge.copyOf(left.rows(edgeRow, endRow - edgeRow));
    int depth = left.columns();
    int step = left.columnStride() == 1 ? Tiles.DEPTH : DEPTH;
    int k0 = 0;
    do {
      int k1 = Math.min(depth, k0 + Tiles.DEPTH);
      Arrays.fill(sums, 0, (end - first) * TILE, 0f);
      for (int k = k0; k < k1; k += step) {
        for (int i = 0; i < whole; i++) {
          add(left, firstRow + i * Tiles.ROWS, k, Math.min(k1, k + step), panel, sums, i * TILE);
        }
      }
      if (edgeRow < endRow) {
        edge.addNarrowProduct(0, k0, k1, panel, inPanel(k0), sums, whole * TILE);
      }
      Panels.scatter(sums, 0, Lanes.COUNT, part, accumulate || k0 > 0);
      k0 = k1;
    } while (k0 < depth);
  }

  private static int inPanel(int k) {
    return Panels.START + k * Lanes.COUNT;
  }

  /** Adds the product of columns {@code k0} to {@code k1 - 1} of whole rows to a tile. */
  private static void add(
      Matrix left, int row, int k0, int k1, float[] panel, float[] sums, int at) {
    float[] data = left.data();
    int from = left.index(row, k0);
    if (left.columnStride() == 1) {
      NarrowTiles.rows(k1 - k0, data, from, left.rowStride(), panel, inPanel(k0), sums, at);
    } else {
      NarrowTiles.columns(k1 - k0, data, from, left.columnStride(), panel, inPanel(k0), sums, at);
    }
  }
}
