package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;

/**
 * Layer norm of some rows, and its gradient. Sums are one vector of partial sums, then a tree, then
 * the rest in order. Each loop is a method of its own, small enough for the compiler.
 */
final class NormRows {

  private NormRows() {}

  /** Normalizes the rows {@code first} to {@code end - 1}. */
  static void forward(
      float[] x,
      int first,
      int end,
      int columns,
      float[] weight,
      float[] bias,
      float eps,
      float[] y,
      float[] mean,
      float[] inverseDeviation) {
    float[] lanes = new float[Lanes.COUNT];
    for (int row = first; row < end; row++) {
      int from = row * columns;
      float average = sum(x, from, columns, lanes) / columns;
      float variance = squares(x, from, columns, average, lanes) / columns;
      float inverse = (float) (1 / Math.sqrt((double) variance + eps));
      mean[row] = average;
      inverseDeviation[row] = inverse;
      normalize(x, from, columns, average, inverse, weight, bias, y);
    }
  }

  private static float sum(float[] x, int from, int columns, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      sums = FloatVector.fromArray(Lanes.SPECIES, x, from + j).add(sums);
    }
    Lanes.TYPE.cast(sums).intoArray(lanes, 0);
    float sum = Lanes.sum(lanes);
    for (int j = whole; j < columns; j++) {
      sum += x[from + j];
    }
    return sum;
  }

  private static float squares(float[] x, int from, int columns, float average, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector difference = FloatVector.fromArray(Lanes.SPECIES, x, from + j).sub(average);
      sums = difference.fma(difference, sums);
    }
    Lanes.TYPE.cast(sums).intoArray(lanes, 0);
    float sum = Lanes.sum(lanes);
    for (int j = whole; j < columns; j++) {
      float difference = x[from + j] - average;
      sum = Math.fma(difference, difference, sum);
    }
    return sum;
  }

  private static void normalize(
      float[] x,
      int from,
      int columns,
      float average,
      float inverse,
      float[] weight,
      float[] bias,
      float[] y) {
    int whole = Lanes.SPECIES.loopBound(columns);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector.fromArray(Lanes.SPECIES, x, from + j)
          .sub(average)
          .mul(inverse)
          .mul(FloatVector.fromArray(Lanes.SPECIES, weight, j))
          .add(FloatVector.fromArray(Lanes.SPECIES, bias, j))
          .intoArray(y, from + j);
    }
    for (int j = whole; j < columns; j++) {
      y[from + j] = (x[from + j] - average) * inverse * weight[j] + bias[j];
    }
  }

  /** Writes or adds the gradient of the rows {@code first} to {@code end - 1}. */
  static void backward(
      float[] dy,
      float[] x,
      int first,
      int end,
      int columns,
      float[] weight,
      float[] mean,
      float[] inverseDeviation,
      float[] dx,
      boolean accumulate) {
    float[] lanes = new float[Lanes.COUNT];
    float[] row = new float[accumulate ? columns : 0];
    for (int i = first; i < end; i++) {
      int from = i * columns;
      float average = mean[i];
      float inverse = inverseDeviation[i];
      float meanG = sum(dy, from, columns, weight, lanes) / columns;
      float meanDot = dot(dy, x, from, columns, weight, average, inverse, lanes) / columns;
      float[] to = accumulate ? row : dx;
      int offset = accumulate ? 0 : from;
      gradient(dy, x, from, columns, weight, average, inverse, meanG, meanDot, to, offset);
      for (int j = 0; j < row.length; j++) {
        dx[from + j] += row[j];
      }
    }
  }

  /** The sum of {@code g = dy * weight}. */
  private static float sum(float[] dy, int from, int columns, float[] weight, float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector g =
          FloatVector.fromArray(Lanes.SPECIES, dy, from + j)
              .mul(FloatVector.fromArray(Lanes.SPECIES, weight, j));
      sums = g.add(sums);
    }
    Lanes.TYPE.cast(sums).intoArray(lanes, 0);
    float sum = Lanes.sum(lanes);
    for (int j = whole; j < columns; j++) {
      sum += dy[from + j] * weight[j];
    }
    return sum;
  }

  /** The sum of {@code g * xhat}. */
  private static float dot(
      float[] dy,
      float[] x,
      int from,
      int columns,
      float[] weight,
      float average,
      float inverse,
      float[] lanes) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector dots = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector g =
          FloatVector.fromArray(Lanes.SPECIES, dy, from + j)
              .mul(FloatVector.fromArray(Lanes.SPECIES, weight, j));
      FloatVector normalized =
          FloatVector.fromArray(Lanes.SPECIES, x, from + j).sub(average).mul(inverse);
      dots = g.fma(normalized, dots);
    }
    Lanes.TYPE.cast(dots).intoArray(lanes, 0);
    float dot = Lanes.sum(lanes);
    for (int j = whole; j < columns; j++) {
      dot = Math.fma(dy[from + j] * weight[j], (x[from + j] - average) * inverse, dot);
    }
    return dot;
  }

  /** {@code inverse * (g - mean(g) - xhat * mean(g * xhat))} of one row. */
  private static void gradient(
      float[] dy,
      float[] x,
      int from,
      int columns,
      float[] weight,
      float average,
      float inverse,
      float meanG,
      float meanDot,
      float[] to,
      int offset) {
    int whole = Lanes.SPECIES.loopBound(columns);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector along =
          FloatVector.fromArray(Lanes.SPECIES, x, from + j).sub(average).mul(inverse).mul(meanDot);
      FloatVector.fromArray(Lanes.SPECIES, dy, from + j)
          .mul(FloatVector.fromArray(Lanes.SPECIES, weight, j))
          .sub(meanG)
          .sub(along)
          .mul(inverse)
          .intoArray(to, offset + j);
    }
    for (int j = whole; j < columns; j++) {
      float along = (x[from + j] - average) * inverse * meanDot;
      to[offset + j] = (dy[from + j] * weight[j] - meanG - along) * inverse;
    }
  }
}
