package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.BFloat16;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Sizes;
import io.github.lora4j.kernel.WeightFormat;

/** A frozen weight as its transpose {@code (in, out)}, row-major, which the forward pass reads. */
final class PortableWeight implements PackedMatrix {

  private final int rows;
  private final int columns;
  private final WeightFormat format;
  private final float[] transposed;

  PortableWeight(int rows, int columns, WeightFormat format) {
    this.rows = rows;
    this.columns = columns;
    this.format = format;
    this.transposed = new float[Sizes.weightLength(rows, columns, (long) rows * columns)];
  }

  /** W^T, {@code (in, out)}. */
  Matrix forward() {
    return Matrix.of(transposed, columns, rows);
  }

  /** W, {@code (out, in)}. */
  Matrix backward() {
    return forward().transpose();
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int columns() {
    return columns;
  }

  @Override
  public WeightFormat format() {
    return format;
  }

  @Override
  public void put(int firstRow, int firstColumn, Matrix block) {
    Sizes.checkInside("put", this, firstRow, block.rows(), firstColumn, block.columns());
    for (int i = 0; i < block.rows(); i++) {
      for (int j = 0; j < block.columns(); j++) {
        float value = block.data()[block.index(i, j)];
        transposed[(firstColumn + j) * rows + firstRow + i] =
            format == WeightFormat.BFLOAT16 ? BFloat16.round(value) : value;
      }
    }
  }

  @Override
  public void copyRows(int firstRow, int count, float[] target, int offset) {
    Sizes.checkInside("copyRows", this, firstRow, count, 0, columns);
    Sizes.checkRoom("copyRows", (long) count * columns, target, offset);
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < columns; j++) {
        target[offset + i * columns + j] = transposed[j * rows + firstRow + i];
      }
    }
  }
}
