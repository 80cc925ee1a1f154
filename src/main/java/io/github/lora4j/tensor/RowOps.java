package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/** Operations that treat or move whole rows. */
final class RowOps {

  /** How many columns a task of a sum over rows takes. */
  private static final int COLUMNS_PER_TASK = 128;

  private RowOps() {}

  static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, float eps) {
    checkRows("layerNorm", x);
    int columns = x.shape().columns();
    Shape channels = Shape.of(columns);
    Operands.check(
        weight.shape().equals(channels) && bias.shape().equals(channels),
        "layerNorm",
        "weight and bias " + channels,
        weight.shape(),
        bias.shape());
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("layerNorm", x, weight, bias);
    Tape recorder = Operands.recorder(tape, x, weight, bias);
    int rows = x.shape().rows();
    float[] normalized = Tape.array(tape, x.shape().numel());
    float[] mean = new float[rows];
    float[] inverseDeviation = new float[rows];
    float[] gain = weight.data();
    kernels.layerNorm(
        x.data(), rows, columns, gain, bias.data(), eps, normalized, mean, inverseDeviation);
    Tensor y = Tensor.outcome(x.shape(), normalized, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.gradient();
      Gradient dWeight = weight.gradient();
      Gradient dBias = bias.gradient();
      Elements input = x.elements();
      recorder.record(
          y,
          dOut -> {
            if (dX != null) {
              dX.write(
                  (target, accumulate) ->
                      kernels.layerNormBackward(
                          dOut,
                          input.get(),
                          rows,
                          columns,
                          gain,
                          mean,
                          inverseDeviation,
                          target,
                          accumulate));
            }
            if (dWeight != null || dBias != null) {
              addParameterGradients(
                  dOut,
                  input.get(),
                  mean,
                  inverseDeviation,
                  columns,
                  dWeight == null ? new float[columns] : dWeight.zerosOrPresent(),
                  dBias == null ? new float[columns] : dBias.zerosOrPresent());
            }
          });
    }
    return y;
  }

  /**
   * {@code dWeight += sum_i dOut_i * xhat_i} and {@code dBias += sum_i dOut_i}, rows in ascending
   * order.
   */
  private static void addParameterGradients(
      float[] dOut,
      float[] x,
      float[] mean,
      float[] inverseDeviation,
      int columns,
      float[] dWeight,
      float[] dBias) {
    forColumns(
        columns,
        (first, end) -> {
          for (int i = 0; i < mean.length; i++) {
            int row = i * columns;
            float m = mean[i];
            float s = inverseDeviation[i];
            for (int j = first; j < end; j++) {
              dWeight[j] += dOut[row + j] * ((x[row + j] - m) * s);
              dBias[j] += dOut[row + j];
            }
          }
        });
  }

  private static void checkRows(String operation, Tensor x) {
    Operands.check(x.shape().rank() >= 1, operation, "rows (..., C)", x.shape());
  }

  static Tensor softmax(Tensor x) {
    checkRows("softmax", x);
    Kernels kernels = ActiveKernels.get();
    Tape recorder = Operands.recorder(x.tape(), x);
    int columns = x.shape().columns();
    int rows = x.shape().rows();
    float[] input = x.data();
    float[] p = Tape.array(x.tape(), x.shape().numel());
    if (columns > 0) {
      Parallel.forEach(
          rows, row -> kernels.softmax(input, row * columns, p, row * columns, columns));
    }
    Tensor y = Tensor.outcome(x.shape(), p, x.tape(), recorder != null);
    if (recorder != null) {
      Gradient dX = x.neededGradient();
      recorder.recordPassing(
          y,
          dOut -> {
            Parallel.forEach(
                rows,
                row -> kernels.softmaxBackward(p, row * columns, dOut, row * columns, columns));
            dX.addOwned(dOut);
          });
    }
    return y;
  }

  static Tensor gatherRows(Tensor x, int[] rows) {
    Operands.check(x.shape().rank() == 2, "gatherRows", "(N, C)", x.shape());
    return gather("gatherRows", x, rows, x.tape());
  }

  static Tensor embedding(Tensor table, int[] ids, @Nullable Tape tape) {
    Operands.check(table.shape().rank() == 2, "embedding", "a table (V, C)", table.shape());
    if (table.tape() != null && table.tape() != tape) {
      throw new IllegalArgumentException(
          "embedding: the tape of the table expected, got another one or none");
    }
    return gather("embedding", table, ids, tape);
  }

  private static Tensor gather(String operation, Tensor x, int[] rows, @Nullable Tape tape) {
    int available = x.shape().dim(0);
    int columns = x.shape().dim(1);
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0 || rows[i] >= available) {
        throw new IllegalArgumentException(
            "%s: indices from 0 to %d expected, got %d (at %d)"
                .formatted(operation, available - 1, rows[i], i));
      }
    }
    Tape recorder = Operands.recorder(tape, x);
    float[] picked = Tape.array(tape, Shape.of(rows.length, columns).numel());
    Parallel.forEach(rows.length, i -> x.copyRow(rows[i], picked, i * columns));
    Tensor y = Tensor.outcome(Shape.of(rows.length, columns), picked, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.neededGradient();
      int[] indices = rows.clone();
      recorder.record(
          y,
          dOut -> {
            float[] target = dX.zerosOrPresent();
            forColumns(
                columns,
                (first, end) -> {
                  for (int i = 0; i < indices.length; i++) {
                    int to = indices[i] * columns;
                    int from = i * columns;
                    for (int j = first; j < end; j++) {
                      target[to + j] += dOut[from + j];
                    }
                  }
                });
          });
    }
    return y;
  }

  /**
   * Splits columns among tasks, so that a sum over rows keeps its order for any number of threads.
   */
  private static void forColumns(int columns, Elementwise.Range body) {
    Parallel.forEach(
        (columns + COLUMNS_PER_TASK - 1) / COLUMNS_PER_TASK,
        task ->
            body.accept(task * COLUMNS_PER_TASK, Math.min(columns, (task + 1) * COLUMNS_PER_TASK)));
  }
}
