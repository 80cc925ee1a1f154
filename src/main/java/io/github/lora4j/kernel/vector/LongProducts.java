package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;

/**
 * Products of few rows whose inner dimension is long, such as the gradients of LoRA matrices, where
 * it counts the tokens. The left operand is small and copied first. A panel of the right one is
 * used by few slivers, so each task packs its own, which stay in the second cache.
 */
final class LongProducts {

  /** The most rows: more of them are worth packing the right operand as a whole. */
  static final int MOST_ROWS = 64;

  /** The shortest inner dimension that is long. */
  static final int LONG = 128;

  /** Panels of a task: their rows are as many bytes as a processor fetches ahead easily. */
  private static final int PANELS_PER_TASK = 8;

  private LongProducts() {}

  /** {@code c = (scale left) right}, or {@code c +=} that; {@code c} in any orientation. */
  static void multiply(Matrix left, Matrix right, float scale, Matrix c, boolean accumulate) {
    Slivers slivers = Scratch.current().left();
    slivers.copyOf(left);
    if (scale != 1) {
      slivers.scale(scale);
    }
    int width = PANELS_PER_TASK * Tiles.WIDE;
    Parallel.forEach(
        Panels.count(c.columns(), width),
        task -> {
          int first = task * width;
          int columns = Math.min(width, c.columns() - first);
          Matrix part = c.columns(first, columns);
          multiply(slivers, right.columns(first, columns), part, accumulate);
        });
  }

  private static void multiply(Slivers slivers, Matrix right, Matrix c, boolean accumulate) {
    int panels = Panels.count(c.columns(), Tiles.WIDE);
    int stride = panels * Tiles.WIDE;
    float[] sums = Scratch.current().result(slivers.count() * Tiles.ROWS * stride);
    for (int k0 = 0; k0 < right.rows(); k0 += Tiles.DEPTH) {
      int depth = Math.min(Tiles.DEPTH, right.rows() - k0);
      float[] packed = Scratch.current().panels(depth * stride);
      pack(right.rows(k0, depth), panels, packed);
      for (int i = 0; i < panels; i++) {
        int from = Panels.START + i * depth * Tiles.WIDE;
        for (int sliver = 0; sliver < slivers.count(); sliver++) {
          slivers
              .multiply(sliver, k0, k0 + depth, packed, from)
              .copyTo(sums, sliver * Tiles.ROWS * stride + i * Tiles.WIDE, stride);
        }
      }
      Panels.scatter(sums, 0, stride, c, accumulate || k0 > 0);
    }
  }

  /** Packs panels row by row, as the elements lie. */
  private static void pack(Matrix piece, int panels, float[] packed) {
    int whole = piece.columnStride() == 1 ? piece.columns() / Tiles.WIDE : 0;
    for (int k = 0; whole > 0 && k < piece.rows(); k++) {
      int from = piece.index(k, 0);
      Tiles.copyRows(
          whole,
          piece.data(),
          from,
          Tiles.WIDE,
          packed,
          Panels.START + k * Tiles.WIDE,
          piece.rows() * Tiles.WIDE);
    }
    for (int i = whole; i < panels; i++) {
      Panels.packPanel(
          piece,
          1,
          i * Tiles.WIDE,
          Tiles.WIDE,
          packed,
          Panels.START + i * piece.rows() * Tiles.WIDE);
    }
  }
}
