package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.ColumnSoftmax;

/** Soft-max of columns in plain loops over the columns of a row, which the compiler vectorises. */
final class PlainColumnSoftmax implements ColumnSoftmax {

  @Override
  public int stride(int columns) {
    return columns;
  }

  @Override
  public void forward(
      float[] x,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    System.arraycopy(x, 0, max, at, columns);
    for (int i = 1; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        max[at + j] = Math.max(max[at + j], x[i * stride + j]);
      }
    }
    for (int j = 0; j < columns; j++) {
      max[at + j] *= scaling;
    }
    double[] sums = new double[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        float e = exp(scaling * x[i * stride + j], max[at + j]);
        x[i * stride + j] = e;
        sums[j] += e;
      }
    }
    for (int j = 0; j < columns; j++) {
      inverseSum[at + j] = (float) (1 / sums[j]);
    }
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        x[i * stride + j] *= inverseSum[at + j];
      }
    }
  }

  private static float exp(float score, float max) {
    return score == Float.NEGATIVE_INFINITY ? 0 : (float) Exponential.exp((double) score - max);
  }

  @Override
  public void again(
      float[] x,
      int rows,
      int columns,
      int stride,
      float scaling,
      float[] max,
      float[] inverseSum,
      int at) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        x[i * stride + j] = exp(scaling * x[i * stride + j], max[at + j]) * inverseSum[at + j];
      }
    }
  }

  @Override
  public void backward(float[] p, float[] dp, int rows, int columns, int stride, float scaling) {
    float[] dots = new float[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        dots[j] += p[i * stride + j] * dp[i * stride + j];
      }
    }
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        dp[i * stride + j] = scaling * p[i * stride + j] * (dp[i * stride + j] - dots[j]);
      }
    }
  }
}
