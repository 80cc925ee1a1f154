package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.WeightFormat;

/** A frozen weight held as floats, which the tiles read where they lie. */
final class Float32Weight extends FrozenWeight {

  private final float[] elements;

  Float32Weight(int rows, int columns) {
    super(rows, columns);
    elements = new float[Panels.START + length(rows, columns)];
  }

  @Override
  public WeightFormat format() {
    return WeightFormat.FLOAT32;
  }

  private int at(int panel, int column) {
    return Panels.START + (panel * columns + column) * Tiles.WIDE;
  }

  @Override
  RightOperand forward() {
    return RightOperand.packed(elements, columns);
  }

  @Override
  void turnSquare(int panel, int column, int count, int depth, float[] target, int offset) {
    Panels.turn(elements, at(panel, column), Tiles.WIDE, count, depth, 1, target, offset);
  }

  @Override
  void put(int panel, int lane, int firstColumn, Matrix block) {
    Panels.copyTransposed(block, elements, at(panel, firstColumn) + lane, Tiles.WIDE);
  }

  @Override
  void copyRow(int panel, int lane, float[] target, int offset) {
    int from = at(panel, 0) + lane;
    for (int k = 0; k < columns; k++) {
      target[offset + k] = elements[from + k * Tiles.WIDE];
    }
  }
}
