package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
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
      ProductGradient gradient = ProductGradient.of(x, other, 1);
      recorder.record(y, dOut -> gradient.add(kernels, dOut));
    }
    return y;
  }

  static Tensor addMatmulInPlace(Tensor y, Tensor a, Tensor b, float factor) {
    checkProduct("addMatmulInPlace", a, b);
    Shape shape = a.shape().withColumns(b.shape().columns());
    Operands.check(y.shape().equals(shape), "addMatmulInPlace", "the shape " + shape, y.shape());
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("addMatmulInPlace", y, a, b);
    Tape recorder = Operands.recorder(tape, y, a, b);
    kernels.multiply(a.matrix(), b.matrix(), factor, y.matrix(), true);
    Tensor sum = Tensor.outcome(shape, y.data(), tape, recorder != null);
    if (recorder != null) {
      Gradient dY = y.gradient();
      ProductGradient gradient = ProductGradient.of(a, b, factor);
      recorder.recordInPlace(
          sum,
          dOut -> {
            gradient.add(kernels, dOut);
            if (dY != null) {
              dY.addOwned(dOut);
            }
          });
    }
    return sum;
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

  /**
   * The gradient of {@code factor * (a b)}: {@code da += factor dOut b^T} and {@code db += factor
   * a^T dOut}.
   */
  private record ProductGradient(
      @Nullable Gradient dA,
      @Nullable Gradient dB,
      @Nullable Matrix a,
      @Nullable Matrix b,
      int rows,
      int inner,
      int columns,
      float factor) {

    static ProductGradient of(Tensor a, Tensor b, float factor) {
      return new ProductGradient(
          a.gradient(),
          b.gradient(),
          b.requiresGrad() ? a.matrix() : null,
          a.requiresGrad() ? b.matrix() : null,
          a.shape().rows(),
          a.shape().columns(),
          b.shape().columns(),
          factor);
    }

    void add(Kernels kernels, float[] dOut) {
      Matrix dProduct = Matrix.of(dOut, rows, columns);
      if (dA != null && b != null) {
        dA.write(
            (target, accumulate) ->
                kernels.multiply(
                    dProduct, b.transpose(), factor, Matrix.of(target, rows, inner), accumulate));
      }
      if (dB != null && a != null) {
        dB.write(
            (target, accumulate) ->
                kernels.multiply(
                    a.transpose(),
                    dProduct,
                    factor,
                    Matrix.of(target, inner, columns),
                    accumulate));
      }
    }
  }

  static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
    Operands.check(
        x.shape().rank() >= 1
            && weight.shape().rank() == 2
            && x.shape().columns() == weight.shape().dim(1),
        "linear",
        "(..., in) and a weight (out, in)",
        x.shape(),
        weight.shape());
    Operands.check(
        bias == null || bias.shape().equals(Shape.of(weight.shape().dim(0))),
        "linear",
        "a bias (" + weight.shape().dim(0) + ")",
        bias == null ? "none" : bias.shape());
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("linear", x, weight, bias);
    Tape recorder = Operands.recorder(tape, x, weight, bias);
    Shape shape = x.shape().withColumns(weight.shape().dim(0));
    float[] mapped = Tape.array(tape, shape.numel());
    Matrix out = Matrix.of(mapped, shape.rows(), shape.columns());
    float[] offset = bias == null ? null : bias.data();
    if (weight.requiresGrad()) {
      if (offset != null) {
        Elementwise.fillRows(out, offset);
      }
      kernels.multiply(x.matrix(), weight.matrix().transpose(), 1, out, offset != null);
    } else {
      kernels.linear(x.matrix(), weight.packed(), offset, out);
    }
    Tensor y = Tensor.outcome(shape, mapped, tape, recorder != null);
    if (recorder != null) {
      LinearGradient gradient = LinearGradient.of(x, weight, bias);
      recorder.record(y, dOut -> gradient.add(kernels, dOut));
    }
    return y;
  }

  /**
   * The gradient of {@code x W^T + b}: {@code dx += dOut W}, and where they are trained {@code dW
   * += dOut^T x} and {@code db += sum of the rows of dOut}. Of a frozen weight's input nothing is
   * kept.
   */
  private record LinearGradient(
      @Nullable Gradient dX,
      @Nullable Gradient dWeight,
      @Nullable Gradient dBias,
      @Nullable PackedMatrix frozen,
      @Nullable Matrix live,
      @Nullable Matrix input,
      int rows,
      int in,
      int out) {

    static LinearGradient of(Tensor x, Tensor weight, @Nullable Tensor bias) {
      return new LinearGradient(
          x.gradient(),
          weight.gradient(),
          bias == null ? null : bias.gradient(),
          x.requiresGrad() && !weight.requiresGrad() ? weight.packed() : null,
          x.requiresGrad() && weight.requiresGrad() ? weight.matrix() : null,
          weight.requiresGrad() ? x.matrix() : null,
          x.shape().rows(),
          weight.shape().dim(1),
          weight.shape().dim(0));
    }

    void add(Kernels kernels, float[] dOut) {
      Matrix dY = Matrix.of(dOut, rows, out);
      if (dX != null && frozen != null) {
        dX.write((dx, add) -> kernels.linearBackward(dY, frozen, Matrix.of(dx, rows, in), add));
      }
      if (dX != null && live != null) {
        dX.write((dx, add) -> kernels.multiply(dY, live, 1, Matrix.of(dx, rows, in), add));
      }
      if (dWeight != null && input != null) {
        dWeight.write(
            (dw, add) -> kernels.multiply(dY.transpose(), input, 1, Matrix.of(dw, out, in), add));
      }
      if (dBias != null) {
        Elementwise.addRowSums(dOut, rows, out, dBias.zerosOrPresent());
      }
    }
  }
}
