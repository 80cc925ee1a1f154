package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.at;
import static io.github.lora4j.kernel.KernelsUnderTest.gamma;

/**
 * A sum of matrices and products in double precision, with the sum of the sizes of its terms, on
 * which the error of the same sum in floats depends.
 */
final class DoubleSum {

  private final int rows;
  private final int columns;
  private final double[][] sums;
  private final double[][] sizes;

  DoubleSum(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
    sums = new double[rows][columns];
    sizes = new double[rows][columns];
  }

  DoubleSum plus(Matrix summand) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        sums[i][j] += at(summand, i, j);
        sizes[i][j] += Math.abs(at(summand, i, j));
      }
    }
    return this;
  }

  DoubleSum plusToEachRow(float[] row) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        sums[i][j] += row[j];
        sizes[i][j] += Math.abs(row[j]);
      }
    }
    return this;
  }

  DoubleSum plusProduct(Matrix a, Matrix b, double factor) {
    double[][] right = new double[b.rows()][columns];
    for (int k = 0; k < b.rows(); k++) {
      for (int j = 0; j < columns; j++) {
        right[k][j] = factor * at(b, k, j);
      }
    }
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < b.rows(); k++) {
        addScaled(at(a, i, k), right[k], sums[i], sizes[i]);
      }
    }
    return this;
  }

  private static void addScaled(double factor, double[] row, double[] sums, double[] sizes) {
    for (int j = 0; j < row.length; j++) {
      sums[j] += factor * row[j];
      sizes[j] += Math.abs(factor * row[j]);
    }
  }

  /**
   * Checks a result of floats, each term of which was rounded at most this many times. With none
   * the two must be equal.
   */
  void assertClose(Matrix result, int roundings) {
    double worst = worst(result, roundings);
    if (!(worst <= 1)) {
      throw new AssertionError(
          "a result of (%d, %d) is off by %s times what is allowed"
              .formatted(rows, columns, worst));
    }
  }

  /** The largest error as a share of what is allowed. */
  double worst(Matrix result, int roundings) {
    double worst = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double error = Math.abs(sums[i][j] - at(result, i, j));
        if (error != 0) { // so is what is not a number
          worst = Math.max(worst, error / (gamma(roundings) * sizes[i][j]));
        }
      }
    }
    return worst;
  }

  /** The root of the sum of squares. */
  double norm() {
    double squares = 0;
    for (double[] row : sums) {
      for (double value : row) {
        squares += value * value;
      }
    }
    return Math.sqrt(squares);
  }
}
