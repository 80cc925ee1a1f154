package io.github.lora4j.lora;

import java.util.Arrays;

/**
 * Frobenius norms of low-rank products without the products: {@code ||B A||^2 = sum((B^T B) * (A
 * A^T))}, elementwise, for B {@code (out, r)} and A {@code (r, in)}. All sums are in double.
 */
final class LowRankNorms {

  private LowRankNorms() {}

  /** {@code ||factor B A||}. */
  static double delta(PublishedBranch branch) {
    return Math.abs((double) branch.factor()) * norm(rowsOfA(branch), columnsOfB(branch, 1));
  }

  /**
   * {@code ||f1 B1 A1 - f2 B2 A2||}. For equal ranks this is {@code (f1 B1 - f2 B2) A1 + f2 B2 (A1
   * - A2)}, whose parts are small where the branches are close to each other; so a small distance
   * is not lost in the rounding of two large norms.
   */
  static double distance(PublishedBranch first, PublishedBranch second) {
    double[][] a1 = rowsOfA(first);
    double[][] a2 = rowsOfA(second);
    double[][] b1 = columnsOfB(first, first.factor());
    double[][] b2 = columnsOfB(second, second.factor());
    if (first.rank() != second.rank()) {
      return norm(below(a1, a2), below(b1, minus(new double[b2.length][b2[0].length], b2)));
    }
    return norm(below(a1, minus(a1, a2)), below(minus(b1, b2), b2));
  }

  /** The norm of {@code sum over r of b[r] a[r]^T}. */
  private static double norm(double[][] a, double[][] b) {
    double square = 0;
    for (int j = 0; j < a.length; j++) {
      for (int k = 0; k <= j; k++) {
        square += (j == k ? 1 : 2) * dot(a[j], a[k]) * dot(b[j], b[k]);
      }
    }
    return Math.sqrt(Math.max(0, square)); // rounding may leave a little less than nothing
  }

  private static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  private static double[][] rowsOfA(PublishedBranch branch) {
    float[] a = branch.loraA().data();
    int in = branch.loraA().shape().dim(1);
    double[][] rows = new double[branch.rank()][in];
    for (int r = 0; r < rows.length; r++) {
      for (int i = 0; i < in; i++) {
        rows[r][i] = a[r * in + i];
      }
    }
    return rows;
  }

  private static double[][] columnsOfB(PublishedBranch branch, double factor) {
    float[] b = branch.loraB().data();
    int rank = branch.rank();
    double[][] columns = new double[rank][branch.loraB().shape().dim(0)];
    for (int r = 0; r < rank; r++) {
      for (int o = 0; o < columns[r].length; o++) {
        columns[r][o] = factor * b[o * rank + r];
      }
    }
    return columns;
  }

  private static double[][] minus(double[][] x, double[][] y) {
    double[][] difference = new double[x.length][x[0].length];
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < x[i].length; j++) {
        difference[i][j] = x[i][j] - y[i][j];
      }
    }
    return difference;
  }

  private static double[][] below(double[][] upper, double[][] lower) {
    double[][] all = Arrays.copyOf(upper, upper.length + lower.length);
    System.arraycopy(lower, 0, all, upper.length, lower.length);
    return all;
  }

  /** The norm of all numbers of a tensor. */
  static double of(float[] elements) {
    double square = 0;
    for (float element : elements) {
      square += (double) element * element;
    }
    return Math.sqrt(square);
  }

  /** The norm of the difference of two tensors of one size. */
  static double distance(float[] first, float[] second) {
    double square = 0;
    for (int i = 0; i < first.length; i++) {
      double difference = (double) first[i] - second[i];
      square += difference * difference;
    }
    return Math.sqrt(square);
  }
}
