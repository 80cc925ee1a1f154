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
  private static final int STEPS_PER_TASK = 16384;

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
    int tilesPerTask = Math.max(1, STEPS_PER_TASK / Math.max(1, depth));
    Parallel.forEach(
        Panels.count(tiles, tilesPerTask),
        task -> {
          int first = task * tilesPerTask;
          tiles(left, first, Math.min(tiles, first + tilesPerTask), panel, c, accumulate);
        });
  }

  private static void tiles(
      Matrix left, int first, int end, float[] panel, Matrix c, boolean accumulate) {
    float[] sums = Scratch.current().result((end - first) * TILE);
    if (accumulate) {
      for (int tile = first; tile < end; tile++) {
        load(rows(c, tile), sums, (tile - first) * TILE);
      }
    } else {
      Arrays.fill(sums, 0, (end - first) * TILE, 0f);
    }
    int depth = left.columns();
    int step = left.columnStride() == 1 ? Math.max(1, depth) : DEPTH;
    for (int k0 = 0; k0 < depth; k0 += step) {
      int k1 = Math.min(depth, k0 + step);
      for (int tile = first; tile < end; tile++) {
        add(rows(left, tile), k0, k1, panel, sums, (tile - first) * TILE);
      }
    }
    for (int tile = first; tile < end; tile++) {
      store(sums, (tile - first) * TILE, rows(c, tile));
    }
  }

  /** The rows of a tile, as many as there are. */
  private static Matrix rows(Matrix m, int tile) {
    int first = tile * Tiles.ROWS;
    return m.rows(first, Math.min(Tiles.ROWS, m.rows() - first));
  }

  /** Adds the products of the inner indices {@code k0} to {@code k1 - 1}. */
  private static void add(Matrix left, int k0, int k1, float[] panel, float[] sums, int at) {
    if (left.rows() < Tiles.ROWS) {
      float[] packed = Scratch.current().left();
      for (int k = k0; k < k1; k += Scratch.DEPTH) {
        int end = Math.min(k1, k + Scratch.DEPTH);
        Panels.packLeft(left, 0, left.rows(), k, end, packed);
        NarrowTiles.columns(end - k, packed, 0, Tiles.ROWS, panel, k * Lanes.COUNT, sums, at);
      }
    } else if (left.columnStride() == 1) {
      int from = left.index(0, k0);
      NarrowTiles.rows(
          k1 - k0, left.data(), from, left.rowStride(), panel, k0 * Lanes.COUNT, sums, at);
    } else {
      int from = left.index(0, k0);
      NarrowTiles.columns(
          k1 - k0, left.data(), from, left.columnStride(), panel, k0 * Lanes.COUNT, sums, at);
    }
  }

  private static void load(Matrix from, float[] sums, int at) {
    for (int i = 0; i < from.rows(); i++) {
      for (int j = 0; j < from.columns(); j++) {
        sums[at + i * Lanes.COUNT + j] = from.data()[from.index(i, j)];
      }
    }
  }

  private static void store(float[] sums, int at, Matrix to) {
    for (int i = 0; i < to.rows(); i++) {
      for (int j = 0; j < to.columns(); j++) {
        to.data()[to.index(i, j)] = sums[at + i * Lanes.COUNT + j];
      }
    }
  }
}
