package io.github.lora4j.kernel;

/**
 * Soft-max of the columns of a block {@code (rows, columns)} of scores: the rows are keys, the
 * columns queries, so that a vector holds as many queries and nothing is summed across its lanes. A
 * column is summed in ascending order of its rows. A score of minus infinity gives 0; each column
 * has at least one that is finite.
 */
public interface ColumnSoftmax {

  /**
   * The distance of two rows that an implementation asks for.
   *
   * @param columns the number of columns
   * @return at least that many; what stands behind the columns of a row may be overwritten
   */
  int stride(int columns);

  /**
   * Replaces scores by {@code exp(scaling x - max) * inverseSum}.
   *
   * @param x the block; modified
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
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at);

  /**
   * The same, with the largest scores and the sums of an earlier call, to the same bits.
   *
   * @param x the block; modified
   * @param rows its rows
   * @param columns its columns
   * @param stride the distance of two rows
   * @param scaling multiplied into the scores
   * @param max the largest scaled score of each column
   * @param inverseSum the inverse sums
   * @param at where the first of these stands in both
   */
  void again(
      float[] x,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at);

  /**
   * Replaces the gradient of the soft-max by that of the scores, {@code scaling p (dp - sum p dp)}.
   *
   * @param p the soft-max
   * @param dp its gradient; modified
   * @param rows the rows of both
   * @param columns the columns of both
   * @param stride the distance of two rows in both
   * @param scaling the factor of the scores
   */
  void backward(float[] p, float[] dp, int rows, int columns, int stride, float scaling);
}
