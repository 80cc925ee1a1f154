package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of a frozen linear map, {@code x W^T} against classes, some rows at a time: logits
 * exist for a slice of the rows only, and never for those that do not count. The gradient of x is
 * computed with the loss, while a slice's soft-max is at hand: its place is the sum's, the factor
 * of the loss is multiplied in by the backward pass.
 */
final class LinearCrossEntropyOp {

  /** Enough rows to be worth reading the weight for. */
  private static final int ROWS_PER_SLICE = 256;

  private LinearCrossEntropyOp() {}

  static Tensor apply(Tensor x, Tensor weight, int[] targets, int ignoreIndex) {
    Operands.check(
        x.shape().rank() == 2
            && weight.shape().rank() == 2
            && x.shape().columns() == weight.shape().dim(1),
        "linearCrossEntropy",
        "(N, in) and a weight (classes, in)",
        x.shape(),
        weight.shape());
    int[] rows = LossOps.countedRows(x.shape(), targets, ignoreIndex, weight.shape().dim(0));
    if (weight.requiresGrad()) {
      int[] picked = IntStream.of(rows).map(row -> targets[row]).toArray();
      return x.gatherRows(rows).linear(weight, null).crossEntropy(picked, ignoreIndex);
    }
    Tape tape = x.tape();
    Tape recorder = Operands.recorder(tape, x);
    int columns = x.shape().columns();
    float[] gradient = null;
    if (recorder != null) {
      gradient = Tape.array(tape, Math.multiplyExact(rows.length, columns));
    }
    Slices slices = new Slices(ActiveKernels.get(), tape, weight.packed(), rows, targets);
    double sum = slices.run(x.data(), gradient);
    float[] mean = {(float) (sum / rows.length)};
    Tensor loss = Tensor.outcome(Shape.of(), mean, tape, recorder != null);
    float[] dRows = gradient;
    if (recorder != null && dRows != null) {
      Gradient dX = x.neededGradient();
      recorder.record(
          loss,
          dOut -> {
            float[] target = dX.zerosOrPresent();
            Parallel.forEach(
                rows.length,
                i -> {
                  int to = rows[i] * columns;
                  int from = i * columns;
                  for (int j = 0; j < columns; j++) {
                    target[to + j] += dOut[0] * dRows[from + j];
                  }
                });
            Tape.giveBack(tape, dRows);
          });
    }
    return loss;
  }

  private record Slices(
      Kernels kernels, @Nullable Tape tape, PackedMatrix weight, int[] rows, int[] targets) {

    /**
     * Adds up the losses.
     *
     * @param gradient takes that of the mean loss by the counted rows, or null
     */
    double run(float[] x, float @Nullable [] gradient) {
      int columns = weight.columns();
      int slice = Math.min(ROWS_PER_SLICE, rows.length);
      float[] input = Tape.array(tape, slice * columns);
      float[] logits = Tape.array(tape, Math.multiplyExact(slice, weight.rows()));
      double[] losses = new double[rows.length];
      for (int first = 0; first < rows.length; first += slice) {
        int count = Math.min(slice, rows.length - first);
        for (int i = 0; i < count; i++) {
          System.arraycopy(x, rows[first + i] * columns, input, i * columns, columns);
        }
        Matrix scores = Matrix.of(logits, count, weight.rows());
        kernels.linear(Matrix.of(input, count, columns), weight, null, scores);
        int from = first;
        Parallel.forEach(
            count,
            i -> losses[from + i] = loss(logits, i * weight.rows(), targets[rows[from + i]]));
        if (gradient != null) {
          Matrix target = new Matrix(gradient, first * columns, count, columns, columns, 1);
          kernels.linearBackward(scores, weight, target, false);
        }
      }
      Tape.giveBack(tape, input);
      Tape.giveBack(tape, logits);
      return Arrays.stream(losses).sum();
    }

    /** Replaces the logits of a row by the gradient of the mean loss. */
    private double loss(float[] logits, int at, int target) {
      int classes = weight.rows();
      float score = logits[at + target];
      double loss = kernels.softmax(logits, at, logits, at, classes) - score;
      logits[at + target] -= 1;
      float scale = 1f / rows.length;
      for (int j = at; j < at + classes; j++) {
        logits[j] *= scale;
      }
      return loss;
    }
  }
}
