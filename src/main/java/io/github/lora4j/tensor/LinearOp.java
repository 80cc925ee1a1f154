package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import org.jspecify.annotations.Nullable;

/**
 * The linear map with all that is added to it, {@code y = addend + x W^T + b + factor * (z A) B},
 * in one pass over y.
 *
 * <p>Backward: {@code dx += dy W}, {@code daddend += dy}, where they are trained {@code dW += dy^T
 * x} and {@code db += sum of the rows of dy}, and for the branch, with {@code h = z A} and {@code
 * dh = dy B^T}: {@code dB += factor h^T dy}, {@code dA += factor z^T dh}, {@code dz += factor dh
 * A^T}. If z is x and W frozen, h is computed in the pass over x and the last in that of {@code dy
 * W}. Of a frozen weight's input nothing is kept.
 */
final class LinearOp {

  private LinearOp() {}

  static Tensor apply(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      @Nullable Tensor addend,
      @Nullable LowRankBranch branch) {
    check(x, weight, bias, addend, branch);
    Kernels kernels = ActiveKernels.get();
    Tensor z = branch == null ? null : branch.input();
    Tensor a = branch == null ? null : branch.a();
    Tensor b = branch == null ? null : branch.b();
    Tape tape = Operands.tape("linear", x, weight, bias, addend, z, a, b);
    Tape recorder = Operands.recorder(tape, x, weight, bias, addend, z, a, b);
    Shape shape = x.shape().withColumns(weight.shape().dim(0));
    float[] mapped = Tape.array(tape, shape.numel());
    Matrix y = Matrix.of(mapped, shape.rows(), shape.columns());
    boolean shared = z == x && !weight.requiresGrad();
    Branch kept = branch == null ? null : Branch.of(branch, tape);
    LowRank term = kept == null ? null : kept.term(kernels, shared);
    float[] offset = bias == null ? null : bias.data();
    Matrix sum = addend == null ? null : addend.matrix();
    if (weight.requiresGrad()) {
      Elementwise.fillRows(y, offset, sum);
      kernels.multiply(
          x.matrix(), weight.matrix().transpose(), 1, y, offset != null || sum != null);
      if (term != null) {
        kernels.multiply(term.hidden(), term.second(), term.factor(), y, true);
      }
    } else {
      kernels.linear(x.matrix(), weight.packed(), offset, sum, term, y);
    }
    Tensor outcome = Tensor.outcome(shape, mapped, tape, recorder != null);
    if (recorder != null) {
      Backward backward = Backward.of(kernels, x, weight, bias, addend, kept);
      if (backward.dAddend() != null) {
        recorder.recordPassing(outcome, backward::run);
      } else {
        recorder.record(outcome, backward::run);
      }
    } else if (kept != null) {
      Tape.giveBack(tape, kept.hidden());
    }
    return outcome;
  }

  private static void check(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      @Nullable Tensor addend,
      @Nullable LowRankBranch branch) {
    Operands.check(
        x.shape().rank() >= 1
            && weight.shape().rank() == 2
            && x.shape().columns() == weight.shape().dim(1),
        "linear",
        "(..., in) and a weight (out, in)",
        x.shape(),
        weight.shape());
    int out = weight.shape().dim(0);
    Operands.check(
        bias == null || bias.shape().equals(Shape.of(out)),
        "linear",
        "a bias (" + out + ")",
        bias == null ? "none" : bias.shape());
    Shape shape = x.shape().withColumns(out);
    Operands.check(
        addend == null || addend.shape().equals(shape),
        "linear",
        "an addend " + shape,
        addend == null ? "none" : addend.shape());
    Operands.check(
        branch == null
            || (branch.input().shape().equals(x.shape()) && branch.b().shape().dim(1) == out),
        "linear",
        "a branch from " + x.shape() + " to " + shape,
        branch == null ? "none" : branch.input().shape(),
        branch == null ? "none" : branch.b().shape());
  }

  /**
   * What the backward pass of a branch needs.
   *
   * @param hidden h, {@code (rows, r)}
   */
  private record Branch(
      LowRankBranch operands, @Nullable Tape tape, float[] hidden, int rows, int in, int rank) {

    static Branch of(LowRankBranch branch, @Nullable Tape tape) {
      int rows = branch.input().shape().rows();
      int in = branch.a().shape().dim(0);
      int rank = branch.a().shape().dim(1);
      float[] hidden = Tape.array(tape, Math.multiplyExact(rows, rank));
      return new Branch(branch, tape, hidden, rows, in, rank);
    }

    private Matrix h() {
      return Matrix.of(hidden, rows, rank);
    }

    /**
     * {@code factor * h B}.
     *
     * @param shared whether the product of the map's input, which it is added to, makes h as well
     */
    LowRank term(Kernels kernels, boolean shared) {
      LowRank term =
          new LowRank(operands.a().matrix(), h(), operands.b().matrix(), operands.factor());
      return shared ? term : term.given(operands.input().matrix(), kernels);
    }

    void addGradientOfB(Kernels kernels, Matrix dY) {
      Gradient dB = operands.b().gradient();
      if (dB != null) {
        Matrix left = h().transpose();
        dB.write(
            (db, add) ->
                kernels.multiply(
                    left, dY, operands.factor(), Matrix.of(db, rank, dY.columns()), add));
      }
    }

    /**
     * {@code factor * (dy B^T) A^T}, or null if nobody needs a part of it.
     *
     * @param shared whether the product of dy, which it is added to, makes the inner part as well
     */
    @Nullable LowRank gradientTerm(Kernels kernels, Matrix dY, boolean shared) {
      if (!operands.a().requiresGrad() && !operands.input().requiresGrad()) {
        return null;
      }
      Matrix dH = Matrix.of(Tape.array(tape, rows * rank), rows, rank);
      Matrix a = operands.a().matrix().transpose();
      Matrix b = operands.b().matrix().transpose();
      LowRank term = new LowRank(b, dH, a, operands.factor());
      return shared ? term : term.given(dY, kernels);
    }

    void addGradientOfA(Kernels kernels, LowRank term) {
      Gradient dA = operands.a().gradient();
      if (dA != null) {
        Matrix left = operands.input().matrix().transpose();
        dA.write(
            (da, add) ->
                kernels.multiply(
                    left, term.hidden(), operands.factor(), Matrix.of(da, in, rank), add));
      }
    }

    /** Gives back what was kept and what the gradient took. */
    void giveBack(@Nullable LowRank term) {
      Tape.giveBack(tape, hidden);
      if (term != null) {
        Tape.giveBack(tape, term.hidden().data());
      }
    }
  }

  private record Backward(
      Kernels kernels,
      @Nullable Gradient dX,
      @Nullable Gradient dZ,
      @Nullable Gradient dAddend,
      @Nullable Gradient dWeight,
      @Nullable Gradient dBias,
      @Nullable PackedMatrix frozen,
      @Nullable Tensor live,
      @Nullable Elements input,
      @Nullable Branch branch,
      boolean sharedInput,
      int rows,
      int in,
      int out) {

    static Backward of(
        Kernels kernels,
        Tensor x,
        Tensor weight,
        @Nullable Tensor bias,
        @Nullable Tensor addend,
        @Nullable Branch branch) {
      Tensor z = branch == null ? null : branch.operands().input();
      boolean needsWeight = x.requiresGrad();
      return new Backward(
          kernels,
          x.gradient(),
          z == null || z == x ? null : z.gradient(),
          addend == null ? null : addend.gradient(),
          weight.gradient(),
          bias == null ? null : bias.gradient(),
          needsWeight && !weight.requiresGrad() ? weight.packed() : null,
          needsWeight && weight.requiresGrad() ? weight : null,
          weight.requiresGrad() ? x.elements() : null,
          branch,
          z == x,
          x.shape().rows(),
          weight.shape().dim(1),
          weight.shape().dim(0));
    }

    void run(float[] dOut) {
      Matrix dY = Matrix.of(dOut, rows, out);
      boolean shared = sharedInput && dX != null && frozen != null;
      LowRank term = branch == null ? null : branch.gradientTerm(kernels, dY, shared);
      if (dX != null) {
        LowRank added = sharedInput ? term : null;
        dX.write((dx, add) -> addInput(dY, added, Matrix.of(dx, rows, in), add));
      }
      if (dZ != null && term != null) {
        dZ.write(
            (dz, add) ->
                kernels.multiply(
                    term.hidden(), term.second(), term.factor(), Matrix.of(dz, rows, in), add));
      }
      if (branch != null) {
        branch.addGradientOfB(kernels, dY);
        if (term != null) {
          branch.addGradientOfA(kernels, term);
        }
        branch.giveBack(term);
      }
      if (dWeight != null && input != null) {
        Matrix x = Matrix.of(input.get(), rows, in);
        dWeight.write(
            (dw, add) -> kernels.multiply(dY.transpose(), x, 1, Matrix.of(dw, out, in), add));
      }
      if (dBias != null) {
        Elementwise.addRowSums(dOut, rows, out, dBias.zerosOrPresent());
      }
      if (dAddend != null) {
        dAddend.addOwned(dOut);
      }
    }

    private void addInput(Matrix dY, @Nullable LowRank term, Matrix dx, boolean add) {
      if (frozen != null) {
        kernels.linearBackward(dY, frozen, term, dx, add);
      } else if (live != null) {
        kernels.multiply(dY, live.matrix(), 1, dx, add);
        if (term != null) {
          kernels.multiply(term.hidden(), term.second(), term.factor(), dx, true);
        }
      }
    }
  }
}
