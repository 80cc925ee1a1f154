package io.github.lora4j.kernel.portable;

/**
 * Soft-max of the columns of a block {@code (rows, columns)} of scores, row after row: the rows are
 * keys, the columns queries. The loops are over the columns of a row, which the compiler
 * vectorises. A column is summed in ascending order of its rows. A score of minus infinity gives 0;
 * each column has at least one that is finite.
 */
final class ColumnSoftmax {

  private ColumnSoftmax() {}

  /**
   * Replaces scores by {@code exp(scaling x - max) * inverseSum}.
   *
   * @param x the block; modified
   * @param rows its rows
   * @param columns its columns
   * @param scaling multiplied into the scores; above 0
   * @param max takes the largest scaled score of each column
   * @param inverseSum takes {@code 1 / sum exp(scaling x - max)}
   * @param at where the first of these stands in both
   */
  static void forward(
      float[] x, int rows, int columns, float scaling, float[] max, float[] inverseSum, int at) {
    System.arraycopy(x, 0, max, at, columns);
    for (int i = 1; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        max[at + j] = Math.max(max[at + j], x[i * columns + j]);
      }
    }
    for (int j = 0; j < columns; j++) {
      max[at + j] *= scaling;
    }
    double[] sums = new double[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        float e = exp(scaling * x[i * columns + j], max[at + j]);
        x[i * columns + j] = e;
        sums[j] += e;
      }
    }
    for (int j = 0; j < columns; j++) {
      inverseSum[at + j] = (float) (1 / sums[j]);
    }
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        x[i * columns + j] *= inverseSum[at + j];
      }
    }
  }

  private static float exp(float score, float max) {
    return score == Float.NEGATIVE_INFINITY ? 0 : (float) Exponential.exp((double) score - max);
  }

  /** The same, with the largest scores and the sums of an earlier call, to the same bits. */
  static void again(
      float[] x, int rows, int columns, float scaling, float[] max, float[] inverseSum, int at) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        x[i * columns + j] = exp(scaling * x[i * columns + j], max[at + j]) * inverseSum[at + j];
      }
    }
  }

  /**
   * Replaces the gradient of the soft-max by that of the scores, {@code scaling p (dp - sum p dp)}.
   *
   * @param p the soft-max
   * @param dp its gradient; modified
   * @param rows the rows of both
   * @param columns the columns of both
   * @param scaling the factor of the scores
   */
  static void backward(float[] p, float[] dp, int rows, int columns, float scaling) {
    float[] dots = new float[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        dots[j] += p[i * columns + j] * dp[i * columns + j];
      }
    }
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        dp[i * columns + j] = scaling * p[i * columns + j] * (dp[i * columns + j] - dots[j]);
      }
    }
  }
}
