package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Operations that end in a scalar. */
final class LossOps {

  private LossOps() {}

  static Tensor crossEntropy(Tensor logits, int[] targets, int ignoreIndex) {
    Operands.check(
        logits.shape().rank() >= 1, "crossEntropy", "logits (..., classes)", logits.shape());
    int rows = logits.shape().rows();
    int classes = logits.shape().columns();
    Operands.check(
        targets.length == rows,
        "crossEntropy",
        "one target for each of the rows of " + logits.shape(),
        targets.length);
    int counted = countTargets(targets, ignoreIndex, classes);
    Kernels kernels = ActiveKernels.get();
    Tape tape = logits.tape();
    Tape recorder = Operands.recorder(tape, logits);
    boolean recorded = recorder != null;
    float[] x = logits.data();
    double[] losses = new double[rows];
    float[] p = recorded ? Tape.array(tape, logits.shape().numel()) : new float[0];
    Parallel.forEach(
        rows,
        row -> {
          if (targets[row] != ignoreIndex) {
            float[] target = recorded ? p : new float[classes];
            int at = recorded ? row * classes : 0;
            double logSumExp = kernels.softmax(x, row * classes, target, at, classes);
            losses[row] = logSumExp - x[row * classes + targets[row]];
          } else if (recorded) {
            Arrays.fill(p, row * classes, (row + 1) * classes, 0f); // its gradient
          }
        });
    double sum = 0;
    for (double loss : losses) {
      sum += loss;
    }
    Tensor loss =
        Tensor.outcome(Shape.of(), new float[] {(float) (sum / counted)}, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = logits.neededGradient();
      int[] classOf = targets.clone();
      recorder.record(
          loss,
          dOut -> {
            float scale = dOut[0] / counted;
            Parallel.forEach(
                rows,
                row -> {
                  if (classOf[row] != ignoreIndex) {
                    int from = row * classes;
                    p[from + classOf[row]] -= 1;
                    for (int j = from; j < from + classes; j++) {
                      p[j] *= scale;
                    }
                  }
                });
            dX.addOwned(p);
          });
    }
    return loss;
  }

  /** The rows whose targets count, checked. */
  static int[] countedRows(Shape shape, int[] targets, int ignoreIndex, int classes) {
    Operands.check(
        targets.length == shape.rows(),
        "crossEntropy",
        "one target for each of the rows of " + shape,
        targets.length);
    countTargets(targets, ignoreIndex, classes);
    return IntStream.range(0, targets.length).filter(i -> targets[i] != ignoreIndex).toArray();
  }

  private static int countTargets(int[] targets, int ignoreIndex, int classes) {
    int counted = 0;
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] == ignoreIndex) {
        continue;
      }
      if (targets[i] < 0 || targets[i] >= classes) {
        throw new IllegalArgumentException(
            "crossEntropy: targets from 0 to %d, or %d to ignore a row, expected, got %d (row %d)"
                .formatted(classes - 1, ignoreIndex, targets[i], i));
      }
      counted++;
    }
    if (counted == 0) {
      throw new IllegalArgumentException(
          "crossEntropy: a row that counts expected, got %d rows all ignored"
              .formatted(targets.length));
    }
    return counted;
  }
}
