package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.ColumnSoftmax;
import jdk.incubator.vector.FloatVector;

/** Soft-max of columns, a vector of columns at a time. */
final class SoftmaxColumns implements ColumnSoftmax {

  @Override
  public int stride(int columns) {
    return Panels.count(columns, Lanes.COUNT) * Lanes.COUNT;
  }

  @Override
  public void forward(
      float[] x,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    float[] statistics = new float[2 * Lanes.COUNT];
    for (int column = 0; column < columns; column += Lanes.COUNT) {
      int count = Math.min(Lanes.COUNT, columns - column);
      max(x, column, rows, stride, scaling, statistics);
      exponentials(x, column, rows, stride, scaling, statistics);
      scale(x, column, rows, stride, statistics);
      System.arraycopy(statistics, 0, max, at + column, count);
      System.arraycopy(statistics, Lanes.COUNT, inverseSum, at + column, count);
    }
  }

  private static void max(
      float[] x, int column, int rows, int stride, float scaling, float[] statistics) {
    FloatVector max = FloatVector.fromArray(Lanes.SPECIES, x, column);
    for (int i = 1; i < rows; i++) {
      max = FloatVector.fromArray(Lanes.SPECIES, x, column + i * stride).max(max);
    }
    Lanes.TYPE.cast(max).mul(scaling).intoArray(statistics, 0);
  }

  /** Leaves the exponentials, and behind the largest scores the inverse sums. */
  private static void exponentials(
      float[] x, int column, int rows, int stride, float scaling, float[] statistics) {
    FloatVector max = FloatVector.fromArray(Lanes.SPECIES, statistics, 0);
    FloatVector sum = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < rows; i++) {
      int row = column + i * stride;
      FloatVector e = Exp.of(FloatVector.fromArray(Lanes.SPECIES, x, row).mul(scaling).sub(max));
      e.intoArray(x, row);
      sum = e.add(sum);
    }
    FloatVector.broadcast(Lanes.SPECIES, 1f).div(sum).intoArray(statistics, Lanes.COUNT);
  }

  private static void scale(float[] x, int column, int rows, int stride, float[] statistics) {
    FloatVector inverse = FloatVector.fromArray(Lanes.SPECIES, statistics, Lanes.COUNT);
    for (int i = 0; i < rows; i++) {
      int row = column + i * stride;
      FloatVector.fromArray(Lanes.SPECIES, x, row).mul(inverse).intoArray(x, row);
    }
  }

  @Override
  public void again(
      float[] x,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    float[] statistics = new float[2 * Lanes.COUNT];
    for (int column = 0; column < columns; column += Lanes.COUNT) {
      int count = Math.min(Lanes.COUNT, columns - column);
      System.arraycopy(max, at + column, statistics, 0, count);
      System.arraycopy(inverseSum, at + column, statistics, Lanes.COUNT, count);
      again(x, column, rows, stride, scaling, statistics);
    }
  }

  private static void again(
      float[] x, int column, int rows, int stride, float scaling, float[] statistics) {
    FloatVector max = FloatVector.fromArray(Lanes.SPECIES, statistics, 0);
    FloatVector inverse = FloatVector.fromArray(Lanes.SPECIES, statistics, Lanes.COUNT);
    for (int i = 0; i < rows; i++) {
      int row = column + i * stride;
      FloatVector score = FloatVector.fromArray(Lanes.SPECIES, x, row).mul(scaling).sub(max);
      Exp.of(score).mul(inverse).intoArray(x, row);
    }
  }

  @Override
  public void backward(float[] p, float[] dp, int rows, int columns, int stride, float scaling) {
    float[] dots = new float[Lanes.COUNT];
    for (int column = 0; column < columns; column += Lanes.COUNT) {
      dots(p, dp, column, rows, stride, dots);
      gradient(p, dp, column, rows, stride, scaling, dots);
    }
  }

  private static void dots(float[] p, float[] dp, int column, int rows, int stride, float[] dots) {
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < rows; i++) {
      int row = column + i * stride;
      FloatVector left = FloatVector.fromArray(Lanes.SPECIES, p, row);
      sums = left.fma(FloatVector.fromArray(Lanes.SPECIES, dp, row), sums);
    }
    Lanes.TYPE.cast(sums).intoArray(dots, 0);
  }

  private static void gradient(
      float[] p, float[] dp, int column, int rows, int stride, float scaling, float[] dots) {
    FloatVector dot = FloatVector.fromArray(Lanes.SPECIES, dots, 0);
    for (int i = 0; i < rows; i++) {
      int row = column + i * stride;
      FloatVector.fromArray(Lanes.SPECIES, dp, row)
          .sub(dot)
          .mul(FloatVector.fromArray(Lanes.SPECIES, p, row))
          .mul(scaling)
          .intoArray(dp, row);
    }
  }
}
