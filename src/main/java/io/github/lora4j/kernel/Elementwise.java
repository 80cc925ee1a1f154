package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/**
 * Arithmetic that both kernels share, because the compiler turns plain loops of this kind into
 * vector code.
 */
public final class Elementwise {

  /**
   * How many elements a task takes, the first one {@link CacheLines#FIRST} more, so that no vector
   * of the others lies in two lines: fixed, so that chunks do not depend on the number of threads.
   */
  private static final int CHUNK = 1 << 15;

  private Elementwise() {}

  /** A range of indices to work on. */
  @FunctionalInterface
  public interface Range {
    /**
     * Works on the indices {@code from} to {@code to - 1}.
     *
     * @param from the first index
     * @param to one past the last index
     */
    void accept(int from, int to);
  }

  /**
   * Runs a body over consecutive ranges, in parallel. Where they begin depends neither on the
   * length nor on the number of threads.
   *
   * @param length the number of indices
   * @param body what to do with a range
   */
  public static void chunks(int length, Range body) {
    int first = CacheLines.FIRST;
    int tasks = length == 0 ? 0 : 1 + Math.max(0, length - first - 1) / CHUNK;
    Parallel.forEach(
        tasks,
        task -> {
          int from = task == 0 ? 0 : first + task * CHUNK;
          body.accept(from, (int) Math.min(length, first + (task + 1L) * CHUNK));
        });
  }

  /**
   * {@code c = a + b}.
   *
   * @param a the first summand
   * @param b the second summand
   * @param c overwritten; may be {@code a} or {@code b}
   * @param length the number of elements
   * @throws IllegalArgumentException if an array is shorter
   */
  public static void add(float[] a, float[] b, float[] c, int length) {
    Sizes.checkHolds("add", length, a, b, c);
    chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            c[i] = a[i] + b[i];
          }
        });
  }

  /**
   * {@code y += alpha x}.
   *
   * @param alpha the factor
   * @param x the summand
   * @param y modified
   * @param length the number of elements
   * @throws IllegalArgumentException if an array is shorter
   */
  public static void addScaled(float alpha, float[] x, float[] y, int length) {
    Sizes.checkHolds("addScaled", length, x, y);
    chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            y[i] += alpha * x[i];
          }
        });
  }

  /**
   * {@code y += a b}, element by element.
   *
   * @param a the first factor
   * @param b the second factor
   * @param y modified
   * @param length the number of elements
   * @throws IllegalArgumentException if an array is shorter
   */
  public static void addProduct(float[] a, float[] b, float[] y, int length) {
    Sizes.checkHolds("addProduct", length, a, b, y);
    chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            y[i] += a[i] * b[i];
          }
        });
  }

  /**
   * Sets each row of a matrix to the sum of a row and an addend; changes nothing without either.
   *
   * @param target {@code (rows, columns)}, consecutive elements in a row; overwritten
   * @param row {@code (columns)}, or null for zeros
   * @param addend as {@code target}, or null for zeros
   */
  public static void fillRows(Matrix target, float @Nullable [] row, @Nullable Matrix addend) {
    if (target.columns() == 0) {
      return; // an empty view may begin behind the end of its array
    }
    for (int i = 0; i < target.rows(); i++) {
      int at = target.index(i, 0);
      if (addend != null) {
        System.arraycopy(addend.data(), addend.index(i, 0), target.data(), at, target.columns());
        for (int j = 0; row != null && j < target.columns(); j++) {
          target.data()[at + j] += row[j];
        }
      } else if (row != null) {
        System.arraycopy(row, 0, target.data(), at, target.columns());
      }
    }
  }

  /**
   * Adds the rows of a matrix to one row, in ascending order of the rows: the gradient of a bias.
   *
   * @param x {@code (rows, columns)} in row-major order
   * @param rows the number of rows
   * @param columns the number of columns
   * @param sums {@code (columns)}; modified
   */
  public static void addRowSums(float[] x, int rows, int columns, float[] sums) {
    int columnsPerTask = 256;
    Parallel.forEach(
        (columns + columnsPerTask - 1) / columnsPerTask,
        task -> {
          int first = task * columnsPerTask;
          int end = Math.min(columns, first + columnsPerTask);
          for (int i = 0; i < rows; i++) {
            for (int j = first; j < end; j++) {
              sums[j] += x[i * columns + j];
            }
          }
        });
  }
}
