package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;

/**
 * Soft-max of the columns of a block of scores: the rows are keys, the columns queries, so that a
 * vector holds as many queries and nothing is summed across its lanes. A column is summed in
 * ascending order of its rows. A score of minus infinity gives 0; each column has at least one that
 * is finite. What stands behind the columns of a row, up to a whole vector, is overwritten.
 */
final class SoftmaxColumns {

  /** The largest scaled scores of a vector of columns, then their inverse sums. */
  private final float[] statistics = new float[2 * Lanes.COUNT];

  /**
   * Replaces scores by {@code exp(scaling x - max) * inverseSum}.
   *
   * @param x holds the block; modified
   * @param offset where the block begins
   * @param rows its rows
   * @param columns its columns
   * @param stride the distance of two rows
   * @param scaling multiplied into the scores; above 0
   * @param max takes the largest scaled score of each column
   * @param inverseSum takes {@code 1 / sum exp(scaling x - max)}
   * @param at where the first of these stands in both
   */
  void forward(
      float[] x,
      int offset,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    for (int column = 0; column < columns; column += Lanes.COUNT) {
      int count = Math.min(Lanes.COUNT, columns - column);
      max(x, offset + column, rows, stride, scaling, statistics);
      exponentials(x, offset + column, rows, stride, scaling, statistics);
      scale(x, offset + column, rows, stride, statistics);
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

  /** The same, with the largest scores and the sums of an earlier call, to the same bits. */
  void again(
      float[] x,
      int offset,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    for (int column = 0; column < columns; column += Lanes.COUNT) {
      int count = Math.min(Lanes.COUNT, columns - column);
      System.arraycopy(max, at + column, statistics, 0, count);
      System.arraycopy(inverseSum, at + column, statistics, Lanes.COUNT, count);
      again(x, offset + column, rows, stride, scaling, statistics);
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

  /**
   * Replaces the gradient of the soft-max by that of the scores, {@code scaling p (dp - sum p dp)}.
   *
   * @param p holds the soft-max
   * @param dp holds its gradient, at the same places; modified
   * @param offset where both begin
   * @param rows their rows
   * @param columns their columns
   * @param stride the distance of two rows
   * @param scaling the factor of the scores
   */
  void backward(
      float[] p, float[] dp, int offset, int rows, int columns, int stride, float scaling) {
    for (int column = offset; column < offset + columns; column += Lanes.COUNT) {
      dots(p, dp, column, rows, stride, statistics);
      gradient(p, dp, column, rows, stride, scaling, statistics);
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
