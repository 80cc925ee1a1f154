package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.Sizes;

/**
 * A weight {@code (out, in)} in panels of WIDE rows, {@code (panel, in, WIDE)}; rows that fill up
 * the last panel are zeros. Panels are the right operand of {@link WideTiles} in the forward pass;
 * the backward pass turns squares of them into panels of the transpose, a block at a time. So one
 * copy of the whole serves both.
 */
abstract sealed class FrozenWeight implements PackedMatrix permits Float32Weight, BFloat16Weight {

  final int rows;
  final int columns;

  FrozenWeight(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
  }

  /** The number of elements with those that fill up. */
  static int length(int rows, int columns) {
    long panels = ((long) rows + Tiles.WIDE - 1) / Tiles.WIDE;
    return Sizes.weightLength(rows, columns, panels * Tiles.WIDE * columns);
  }

  @Override
  public final int rows() {
    return rows;
  }

  @Override
  public final int columns() {
    return columns;
  }

  /** The right operand of {@code x W^T}. */
  abstract RightOperand forward();

  /** The right operand of {@code dy W}: made block by block. */
  final RightOperand backward() {
    return (first, end, k0, k1) -> {
      int step = (k1 - k0) * Tiles.WIDE;
      float[] made = Scratch.current().panels((end - first) * step);
      for (int k = k0; k < k1; k += Tiles.WIDE) {
        int height = Math.min(Tiles.WIDE, k1 - k);
        for (int i = first; i < end; i++) {
          int column = i * Tiles.WIDE;
          int width = Math.min(Tiles.WIDE, columns - column);
          int to = Panels.START + (i - first) * step + (k - k0) * Tiles.WIDE;
          turnSquare(k / Tiles.WIDE, column, width, height, made, to);
        }
      }
      return new RightOperand.Block(made, Panels.START, step);
    };
  }

  /**
   * Writes the transpose of columns {@code column} to {@code column + count - 1} of a panel.
   *
   * @param depth how many of its rows
   * @param target takes {@code (depth, WIDE)}
   * @param offset where it begins
   */
  abstract void turnSquare(int panel, int column, int count, int depth, float[] target, int offset);

  @Override
  public final void put(int firstRow, int firstColumn, Matrix block) {
    Sizes.checkInside("put", this, firstRow, block.rows(), firstColumn, block.columns());
    if (block.rows() == 0 || block.columns() == 0) {
      return;
    }
    int first = firstRow / Tiles.WIDE;
    int end = Panels.count(firstRow + block.rows(), Tiles.WIDE);
    Parallel.forEach(
        end - first,
        task -> {
          int panel = first + task;
          int from = Math.max(firstRow, panel * Tiles.WIDE);
          int to = Math.min(firstRow + block.rows(), (panel + 1) * Tiles.WIDE);
          put(
              panel,
              from - panel * Tiles.WIDE,
              firstColumn,
              block.rows(from - firstRow, to - from));
        });
  }

  /** Puts rows of one panel, of which the first is the row {@code lane} of the panel. */
  abstract void put(int panel, int lane, int firstColumn, Matrix block);

  @Override
  public final void copyRows(int firstRow, int count, float[] target, int offset) {
    Sizes.checkInside("copyRows", this, firstRow, count, 0, columns);
    Sizes.checkRoom("copyRows", (long) count * columns, target, offset);
    for (int i = 0; i < count; i++) {
      int row = firstRow + i;
      copyRow(row / Tiles.WIDE, row % Tiles.WIDE, target, offset + i * columns);
    }
  }

  abstract void copyRow(int panel, int lane, float[] target, int offset);
}
