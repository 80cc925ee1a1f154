package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;

/**
 * The Euclidean norms of the rows of a weight to which a product of low rank is added, {@code ||W_j
 * + factor (A B)^T_j||}, without making the sum: the square of a norm is {@code ||W_j||^2 + 2
 * factor b_j (W A)_j + factor^2 b_j (A^T A) b_j} with b_j column j of B, added up in double.
 *
 * <p>Shapes: W {@code (out, in)}, A {@code (in, r)}, B {@code (r, out)}.
 */
public final class RowNorms {

  /** The elements of a weight that are looked at in one go. */
  private static final int PIECE = 1 << 16;

  private final Tensor weight;

  /** Of a frozen weight; null for one that changes. */
  private final double[] squared;

  private RowNorms(Tensor weight) {
    this.weight = weight;
    this.squared = weight.requiresGrad() ? new double[0] : squares(weight);
  }

  /**
   * The norms of a weight.
   *
   * @param weight W, {@code (out, in)}; if it is frozen now it must stay as it is
   * @return the norms, for any product
   * @throws ShapeMismatchException if it is no matrix
   */
  public static RowNorms of(Tensor weight) {
    Operands.check(weight.shape().rank() == 2, "row norms", "a weight (out, in)", weight.shape());
    return new RowNorms(weight);
  }

  private static double[] squares(Tensor weight) {
    int rows = weight.shape().dim(0);
    int columns = weight.shape().dim(1);
    int perTask = Math.max(1, PIECE / Math.max(1, columns));
    double[] squares = new double[rows];
    Parallel.forEach(
        (rows + perTask - 1) / perTask,
        task -> {
          int first = task * perTask;
          int count = Math.min(perTask, rows - first);
          float[] row = new float[columns];
          for (int i = 0; i < count; i++) {
            weight.copyRow(first + i, row, 0);
            double sum = 0;
            for (double element : row) {
              sum += element * element;
            }
            squares[first + i] = sum;
          }
        });
    return squares;
  }

  /**
   * The norms with a product added.
   *
   * @param a A, {@code (in, r)}
   * @param b B, {@code (r, out)}
   * @param factor any number
   * @return {@code (out)}
   */
  public float[] with(Tensor a, Tensor b, float factor) {
    Kernels kernels = ActiveKernels.get();
    int rank = a.shape().dim(1);
    int out = weight.shape().dim(0);
    double[] own = weight.requiresGrad() ? squares(weight) : squared;
    float[] mapped = new float[rank * out]; // (W A)^T
    Matrix product = Matrix.of(mapped, rank, out);
    if (weight.requiresGrad()) {
      kernels.multiply(a.matrix().transpose(), weight.matrix().transpose(), 1, product, false);
    } else {
      kernels.linear(a.matrix().transpose(), weight.packed(), null, product);
    }
    float[] gram = new float[rank * rank]; // A^T A
    kernels.multiply(a.matrix().transpose(), a.matrix(), 1, Matrix.of(gram, rank, rank), false);
    float[] columns = b.data();
    float[] norms = new float[out];
    for (int j = 0; j < out; j++) {
      double cross = 0;
      double square = 0;
      for (int r = 0; r < rank; r++) {
        double element = columns[r * out + j];
        double inner = 0;
        for (int q = 0; q < rank; q++) {
          inner += (double) gram[r * rank + q] * columns[q * out + j];
        }
        cross += element * mapped[r * out + j];
        square += element * inner;
      }
      double sum = own[j] + factor * (2 * cross + factor * square);
      norms[j] = (float) Math.sqrt(Math.max(0, sum));
    }
    return norms;
  }
}
