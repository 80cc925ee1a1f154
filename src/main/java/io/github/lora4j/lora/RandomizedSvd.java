package io.github.lora4j.lora;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Decompositions;
import io.github.lora4j.kernel.Decompositions.Svd;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.tensor.CounterRandom;
import java.util.Arrays;

/**
 * The largest singular values of a matrix and their vectors, by random sampling (Halko, Martinsson
 * and Tropp 2011, algorithms 4.4 and 5.1): an orthonormal basis Q of the range of {@code (a a^T)^p
 * a Omega} with a random {@code Omega (n, l)}, then the SVD of the small {@code Q^T a}. Of a, only
 * products with l columns are computed.
 */
final class RandomizedSvd {

  private RandomizedSvd() {}

  /**
   * Computes {@code a ~ U diag(values) V^T}.
   *
   * @param a {@code (m, n)}
   * @param rank r, in [1, min(m, n)]
   * @param oversampling how many columns are sampled beyond r, at least 0; l is cut to min(m, n)
   * @param powerIterations p, at least 0; more where singular values decay slowly
   * @param key decides Omega
   * @return U {@code (m, r)}, r singular values in descending order, V {@code (n, r)}; signs as of
   *     {@link Svd}
   * @throws IllegalArgumentException if a number is out of range or an element not finite
   */
  static Svd of(Matrix a, int rank, int oversampling, int powerIterations, long key) {
    int smaller = Math.min(a.rows(), a.columns());
    if (rank < 1 || rank > smaller) {
      throw new IllegalArgumentException(
          "svd: a rank in [1, %d] expected for a matrix (%d, %d), got %d"
              .formatted(smaller, a.rows(), a.columns(), rank));
    }
    if (oversampling < 0 || powerIterations < 0) {
      throw new IllegalArgumentException(
          "svd: oversampling and power iterations from 0 expected, got %d and %d"
              .formatted(oversampling, powerIterations));
    }
    int samples = (int) Math.min((long) rank + oversampling, smaller);
    Matrix omega = Matrix.of(new float[a.columns() * samples], a.columns(), samples);
    CounterRandom.fillGaussian(key, 1, omega.data());
    Matrix basis = orthonormal(product(a, omega));
    for (int i = 0; i < powerIterations; i++) {
      // Without an orthonormal basis in between, all columns would turn to the first vector.
      basis = orthonormal(product(a, orthonormal(product(a.transpose(), basis))));
    }
    Svd small = Decompositions.svd(product(basis.transpose(), a));
    Matrix left = product(basis, small.left().columns(0, rank));
    Matrix right = small.right().columns(0, rank);
    orient(left, right);
    return new Svd(left, Arrays.copyOf(small.values(), rank), right);
  }

  private static Matrix orthonormal(Matrix a) {
    return Decompositions.qr(a).q();
  }

  private static Matrix product(Matrix a, Matrix b) {
    Matrix c = Matrix.of(new float[a.rows() * b.columns()], a.rows(), b.columns());
    ActiveKernels.get().multiply(a, b, 1, c, false);
    return c;
  }

  private static void orient(Matrix left, Matrix right) {
    for (int j = 0; j < left.columns(); j++) {
      float largest = 0;
      for (int i = 0; i < left.rows(); i++) {
        float x = left.data()[left.index(i, j)];
        largest = Math.abs(x) > Math.abs(largest) ? x : largest;
      }
      if (largest < 0) {
        negateColumn(left, j);
        negateColumn(right, j);
      }
    }
  }

  private static void negateColumn(Matrix a, int column) {
    for (int i = 0; i < a.rows(); i++) {
      int index = a.index(i, column);
      a.data()[index] = -a.data()[index];
    }
  }
}
