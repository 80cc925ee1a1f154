package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.mult.MatrixMatrixMult_FDRM;

/**
 * Matrix products by EJML, a fixed number of rows per task.
 *
 * <p>Of EJML's algorithms only the one with the loops in the order row, inner, column is used,
 * whatever the size: it adds up each element in ascending order of the inner index, and its inner
 * loop is one that the compiler vectorises.
 */
final class Products {

  private static final int ROWS_PER_TASK = 32;

  private Products() {}

  /** {@code c = alpha a b}, or {@code c += alpha a b}. */
  static void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    if (c.rows() == 0 || c.columns() == 0) {
      return;
    }
    if (a.columns() == 0) {
      if (!accumulate) {
        scatter(new float[c.rows() * c.columns()], c);
      }
      return;
    }
    float[] right = dense(b);
    int tasks = (c.rows() + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    Parallel.forEach(
        tasks,
        task -> {
          int first = task * ROWS_PER_TASK;
          int count = Math.min(ROWS_PER_TASK, c.rows() - first);
          multiplyRows(a.rows(first, count), b, right, alpha, c.rows(first, count), accumulate);
        });
  }

  private static void multiplyRows(
      Matrix a, Matrix b, float[] right, float alpha, Matrix c, boolean accumulate) {
    FMatrixRMaj left = FMatrixRMaj.wrap(a.rows(), a.columns(), dense(a));
    FMatrixRMaj other = FMatrixRMaj.wrap(b.rows(), b.columns(), right);
    float[] sums = accumulate ? dense(c) : new float[c.rows() * c.columns()];
    boolean inPlace = sums == c.data();
    FMatrixRMaj product = FMatrixRMaj.wrap(c.rows(), c.columns(), sums);
    MatrixMatrixMult_FDRM.multAdd_reorder(alpha, left, other, product);
    if (!inPlace) {
      scatter(sums, c);
    }
  }

  /**
   * The elements of a view in row-major order: the array seen if it has that order, else a copy.
   */
  static float[] dense(Matrix m) {
    if (m.offset() == 0
        && m.columnStride() == 1
        && m.rowStride() == m.columns()
        && m.data().length == m.rows() * m.columns()) {
      return m.data();
    }
    float[] copy = new float[m.rows() * m.columns()];
    if (copy.length == 0) {
      return copy; // an empty view may begin behind the end of its array
    }
    for (int i = 0; i < m.rows(); i++) {
      if (m.columnStride() == 1) {
        System.arraycopy(m.data(), m.index(i, 0), copy, i * m.columns(), m.columns());
      } else {
        for (int j = 0; j < m.columns(); j++) {
          copy[i * m.columns() + j] = m.data()[m.index(i, j)];
        }
      }
    }
    return copy;
  }

  private static void scatter(float[] elements, Matrix target) {
    for (int i = 0; i < target.rows(); i++) {
      for (int j = 0; j < target.columns(); j++) {
        target.data()[target.index(i, j)] = elements[i * target.columns() + j];
      }
    }
  }
}
