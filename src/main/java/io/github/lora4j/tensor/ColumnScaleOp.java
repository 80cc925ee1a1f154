package io.github.lora4j.tensor;

import io.github.lora4j.kernel.Elementwise;
import org.jspecify.annotations.Nullable;

/**
 * {@code y_ij = addend_ij + b_j + x_ij m_j / n_j}. The n are constants; backward: {@code dx_ij =
 * dy_ij m_j / n_j}, {@code dm_j = sum_i dy_ij x_ij / n_j}, {@code db_j = sum_i dy_ij}, {@code
 * daddend = dy}.
 */
final class ColumnScaleOp {

  private ColumnScaleOp() {}

  static Tensor apply(
      Tensor x, Tensor scale, float[] divisors, @Nullable Tensor bias, @Nullable Tensor addend) {
    int columns = x.shape().columns();
    Shape channels = Shape.of(columns);
    Operands.check(
        scale.shape().equals(channels)
            && divisors.length == columns
            && (bias == null || bias.shape().equals(channels)),
        "scaleColumns",
        "a scale, divisors and a bias " + channels,
        scale.shape(),
        divisors.length,
        bias == null ? "none" : bias.shape());
    Operands.check(
        addend == null || addend.shape().equals(x.shape()),
        "scaleColumns",
        "an addend " + x.shape(),
        addend == null ? "none" : addend.shape());
    Tape tape = Operands.tape("scaleColumns", x, scale, bias, addend);
    Tape recorder = Operands.recorder(tape, x, scale, bias, addend);
    int rows = x.shape().rows();
    float[] factors = new float[columns];
    for (int j = 0; j < columns; j++) {
      factors[j] = scale.data()[j] / divisors[j];
    }
    float[] scaled = Tape.array(tape, x.shape().numel());
    float[] from = x.data();
    float[] sum = addend == null ? null : addend.data();
    float[] offset = bias == null ? null : bias.data();
    eachRow(
        rows,
        columns,
        at -> {
          for (int j = 0; j < columns; j++) {
            float value = factors[j] * from[at + j];
            value += offset == null ? 0 : offset[j];
            scaled[at + j] = sum == null ? value : sum[at + j] + value;
          }
        });
    Tensor y = Tensor.outcome(x.shape(), scaled, tape, recorder != null);
    if (recorder != null) {
      Gradient dX = x.gradient();
      Gradient dScale = scale.gradient();
      Gradient dBias = bias == null ? null : bias.gradient();
      Gradient dAddend = addend == null ? null : addend.gradient();
      Elements input = dScale == null ? null : x.elements();
      recorder.record(
          y,
          dOut -> {
            if (dScale != null && input != null) {
              addScaleGradient(dOut, input.get(), rows, divisors, dScale.zerosOrPresent());
            }
            if (dBias != null) {
              Elementwise.addRowSums(dOut, rows, columns, dBias.zerosOrPresent());
            }
            if (dAddend != null) {
              dAddend.add(dOut);
            }
            if (dX != null) {
              float[] target = dX.zerosOrPresent();
              eachRow(
                  rows,
                  columns,
                  at -> {
                    for (int j = 0; j < columns; j++) {
                      target[at + j] += factors[j] * dOut[at + j];
                    }
                  });
            }
          });
    }
    return y;
  }

  private static void addScaleGradient(
      float[] dOut, float[] x, int rows, float[] divisors, float[] dScale) {
    int columns = divisors.length;
    float[] products = new float[rows * columns];
    Elementwise.addProduct(dOut, x, products, products.length);
    float[] sums = new float[columns];
    Elementwise.addRowSums(products, rows, columns, sums);
    for (int j = 0; j < columns; j++) {
      dScale[j] += sums[j] / divisors[j];
    }
  }

  /** What to do with the row that begins at an index. */
  @FunctionalInterface
  private interface Row {
    void at(int index);
  }

  private static void eachRow(int rows, int columns, Row body) {
    Elementwise.chunks(
        rows * columns,
        (from, to) -> {
          // the rows that begin in the chunk
          int first = (from + columns - 1) / Math.max(1, columns);
          for (int at = first * columns; at < to; at += columns) {
            body.at(at);
          }
        });
  }
}
