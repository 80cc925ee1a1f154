package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;

/**
 * Products whose result has at most as many columns as a vector has lanes: those with a LoRA
 * matrix, a small head, or a short sequence. The left operand is read where it lies, in either
 * orientation; only rows at the edge are packed.
 */
final class NarrowProducts {

  /** About how many steps of the inner index, over all its tiles, are worth a task. */
  private static final int STEPS_PER_TASK = 4096;

  private NarrowProducts() {}

  /**
   * {@code c = (leftScale left) (rightScale right)}, or {@code c +=} that; {@code c} in any
   * orientation.
   */
  static void multiply(
      Matrix left, float leftScale, Matrix right, float rightScale, Matrix c, boolean accumulate) {
    int depth = right.rows();
    float[] panel = Scratch.current().right(Panels.length(depth, right.columns(), Lanes.COUNT));
    Panels.packRight(right, rightScale, Lanes.COUNT, panel);
    int tiles = (c.rows() + Tiles.ROWS - 1) / Tiles.ROWS;
    int tilesPerTask = Math.max(1, STEPS_PER_TASK / Math.max(1, depth));
    Parallel.forEach(
        (tiles + tilesPerTask - 1) / tilesPerTask,
        task -> {
          int end = Math.min(tiles, (task + 1) * tilesPerTask);
          for (int tile = task * tilesPerTask; tile < end; tile++) {
            tile(left, leftScale, tile * Tiles.ROWS, panel, c, accumulate);
          }
        });
  }

  private static void tile(
      Matrix left, float scale, int firstRow, float[] panel, Matrix c, boolean accumulate) {
    Scratch scratch = Scratch.current();
    float[] tile = scratch.tile();
    int depth = left.columns();
    Matrix target = c.rows(firstRow, Math.min(Tiles.ROWS, c.rows() - firstRow));
    if (accumulate) {
      load(target, tile);
    } else {
      Arrays.fill(tile, 0f);
    }
    if (target.rows() < Tiles.ROWS || scale != 1) {
      for (int k0 = 0; k0 < depth; k0 += Scratch.DEPTH) {
        int k1 = Math.min(depth, k0 + Scratch.DEPTH);
        float[] packed = scratch.left();
        Panels.packLeft(left, firstRow, target.rows(), k0, k1, scale, packed);
        NarrowTiles.columns(k1 - k0, packed, 0, Tiles.ROWS, panel, k0 * Lanes.COUNT, tile);
      }
    } else {
      int at = left.index(firstRow, 0);
      if (left.columnStride() == 1) {
        NarrowTiles.rows(depth, left.data(), at, left.rowStride(), panel, 0, tile);
      } else {
        NarrowTiles.columns(depth, left.data(), at, left.columnStride(), panel, 0, tile);
      }
    }
    store(tile, target);
  }

  private static void load(Matrix from, float[] tile) {
    for (int i = 0; i < from.rows(); i++) {
      for (int j = 0; j < from.columns(); j++) {
        tile[i * Lanes.COUNT + j] = from.data()[from.index(i, j)];
      }
    }
  }

  private static void store(float[] tile, Matrix to) {
    for (int i = 0; i < to.rows(); i++) {
      for (int j = 0; j < to.columns(); j++) {
        to.data()[to.index(i, j)] = tile[i * Lanes.COUNT + j];
      }
    }
  }
}
