package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;

/**
 * Layer norm of a row and its gradient. Sums are one vector of partial sums, then a tree, then the
 * rest in order.
 */
final class NormRows {

  private NormRows() {}

  static void forward(
      float[] x,
      int row,
      int columns,
      float[] weight,
      float[] bias,
      float eps,
      float[] y,
      float[] mean,
      float[] inverseDeviation) {
    int from = row * columns;
    float average = sum(x, from, columns) / columns;
    float variance = squares(x, from, columns, average) / columns;
    float inverse = (float) (1 / Math.sqrt((double) variance + eps));
    mean[row] = average;
    inverseDeviation[row] = inverse;
    for (int j = 0; j < columns; j++) {
      y[from + j] = (x[from + j] - average) * inverse * weight[j] + bias[j];
    }
  }

  private static float sum(float[] x, int from, int columns) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      sums = sums.add(FloatVector.fromArray(Lanes.SPECIES, x, from + j));
    }
    float sum = Lanes.sum(sums);
    for (int j = whole; j < columns; j++) {
      sum += x[from + j];
    }
    return sum;
  }

  private static float squares(float[] x, int from, int columns, float average) {
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector difference = FloatVector.fromArray(Lanes.SPECIES, x, from + j).sub(average);
      sums = difference.fma(difference, sums);
    }
    float sum = Lanes.sum(sums);
    for (int j = whole; j < columns; j++) {
      float difference = x[from + j] - average;
      sum = Math.fma(difference, difference, sum);
    }
    return sum;
  }

  static void backward(
      float[] dy,
      float[] x,
      int row,
      int columns,
      float[] weight,
      float average,
      float inverse,
      float[] dx,
      boolean accumulate) {
    int from = row * columns;
    int whole = Lanes.SPECIES.loopBound(columns);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    FloatVector dots = FloatVector.zero(Lanes.SPECIES);
    for (int j = 0; j < whole; j += Lanes.COUNT) {
      FloatVector g =
          FloatVector.fromArray(Lanes.SPECIES, dy, from + j)
              .mul(FloatVector.fromArray(Lanes.SPECIES, weight, j));
      FloatVector normalized =
          FloatVector.fromArray(Lanes.SPECIES, x, from + j).sub(average).mul(inverse);
      sums = sums.add(g);
      dots = g.fma(normalized, dots);
    }
    float sum = Lanes.sum(sums);
    float dot = Lanes.sum(dots);
    for (int j = whole; j < columns; j++) {
      float g = dy[from + j] * weight[j];
      sum += g;
      dot = Math.fma(g, (x[from + j] - average) * inverse, dot);
    }
    float meanG = sum / columns;
    float meanDot = dot / columns;
    if (accumulate) {
      for (int j = 0; j < columns; j++) {
        float normalized = (x[from + j] - average) * inverse;
        dx[from + j] += inverse * (dy[from + j] * weight[j] - meanG - normalized * meanDot);
      }
    } else {
      for (int j = 0; j < columns; j++) {
        float normalized = (x[from + j] - average) * inverse;
        dx[from + j] = inverse * (dy[from + j] * weight[j] - meanG - normalized * meanDot);
      }
    }
  }
}
