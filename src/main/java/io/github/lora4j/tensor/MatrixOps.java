package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import org.jspecify.annotations.Nullable;

/** Operations that are matrix products. */
final class MatrixOps {

  private MatrixOps() {}

  static Tensor matmul(Tensor x, Tensor other) {
    checkProduct("matmul", x, other);
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("matmul", x, other);
    Tape recorder = Operands.recorder(tape, x, other);
    Shape shape = x.shape().withColumns(other.shape().columns());
    float[] product = Tape.array(tape, shape.numel());
    kernels.multiply(
        x.matrix(), other.matrix(), 1, Matrix.of(product, shape.rows(), shape.columns()), false);
    Tensor y = Tensor.outcome(shape, product, tape, recorder != null);
    if (recorder != null) {
      ProductGradient gradient = ProductGradient.of(x, other);
      recorder.record(y, dOut -> gradient.add(kernels, dOut));
    }
    return y;
  }

  private static void checkProduct(String operation, Tensor x, Tensor other) {
    Operands.check(
        x.shape().rank() >= 1
            && other.shape().rank() == 2
            && x.shape().columns() == other.shape().dim(0),
        operation,
        "(..., k) x (k, n)",
        x.shape(),
        other.shape());
  }

  /** The gradient of {@code a b}: {@code da += dOut b^T} and {@code db += a^T dOut}. */
  private record ProductGradient(
      @Nullable Gradient dA,
      @Nullable Gradient dB,
      Elements a,
      Elements b,
      int rows,
      int inner,
      int columns) {

    static ProductGradient of(Tensor a, Tensor b) {
      return new ProductGradient(
          a.gradient(),
          b.gradient(),
          a.elements(),
          b.elements(),
          a.shape().rows(),
          a.shape().columns(),
          b.shape().columns());
    }

    void add(Kernels kernels, float[] dOut) {
      Matrix dProduct = Matrix.of(dOut, rows, columns);
      if (dA != null) {
        Matrix right = Matrix.of(b.get(), inner, columns).transpose();
        dA.write(
            (target, accumulate) ->
                kernels.multiply(dProduct, right, 1, Matrix.of(target, rows, inner), accumulate));
      }
      if (dB != null) {
        Matrix left = Matrix.of(a.get(), rows, inner).transpose();
        dB.write(
            (target, accumulate) ->
                kernels.multiply(left, dProduct, 1, Matrix.of(target, inner, columns), accumulate));
      }
    }
  }
}
