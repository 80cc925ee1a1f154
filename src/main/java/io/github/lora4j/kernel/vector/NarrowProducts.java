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
    if (accumulate) {
      Panels.gather(part, sums, 0, Lanes.COUNT);
    } else {
      Arrays.fill(sums, 0, (end - first) * TILE, 0f);
    }
    Slivers slivers = Scratch.current().left();
    slivers.of(left.rows(firstRow, endRow - firstRow), true);
    for (int sliver = slivers.firstCopied(); sliver < slivers.count(); sliver++) {
      slivers.copy(sliver);
    }
    int depth = left.columns();
    int step = left.columnStride() == 1 ? Math.max(1, depth) : DEPTH;
    for (int k0 = 0; k0 < depth; k0 += step) {
      int k1 = Math.min(depth, k0 + step);
      for (int sliver = 0; sliver < slivers.count(); sliver++) {
        slivers.addNarrowProduct(sliver, k0, k1, panel, k0 * Lanes.COUNT, sums, sliver * TILE);
      }
    }
    Panels.scatter(sums, 0, Lanes.COUNT, part);
  }
}
