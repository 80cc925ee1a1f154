package io.github.lora4j.tensor;

/**
 * The forward pass of every operation once more, in double precision and in loops that follow the
 * formula: what the operations are compared with. Matrices are row-major.
 */
public final class DoubleOps {

  private DoubleOps() {}

  /** The elements in double precision. */
  public static double[] widen(float[] x) {
    double[] wide = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      wide[i] = x[i];
    }
    return wide;
  }

  public static double[] add(double[] x, double[] other) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] + other[i];
    }
    return y;
  }

  static double[] multiply(double[] x, double[] other) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] * other[i];
    }
    return y;
  }

  public static double[] scale(double[] x, double factor) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = factor * x[i];
    }
    return y;
  }

  public static double[] gelu(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      double inner = Math.sqrt(2 / Math.PI) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
      y[i] = x[i] / 2 * (1 + Math.tanh(inner));
    }
    return y;
  }

  static double[] dropout(double[] x, float probability, long key) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = CounterRandom.uniform(key, i) < probability ? 0 : x[i] / (1 - (double) probability);
    }
    return y;
  }

  /** {@code x (m, inner) times other (inner, columns)}. */
  public static double[] matmul(double[] x, double[] other, int inner, int columns) {
    int rows = x.length / inner;
    double[] y = new double[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        for (int k = 0; k < inner; k++) {
          y[i * columns + j] += x[i * inner + k] * other[k * columns + j];
        }
      }
    }
    return y;
  }

  /** {@code x W^T}, W {@code (out, in)}. */
  public static double[] linear(double[] x, double[] weight, int in) {
    int out = weight.length / in;
    int rows = x.length / in;
    double[] y = new double[rows * out];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < out; j++) {
        for (int k = 0; k < in; k++) {
          y[i * out + j] += x[i * in + k] * weight[j * in + k];
        }
      }
    }
    return y;
  }

  public static double[] addToRows(double[] x, double[] row) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] + row[i % row.length];
    }
    return y;
  }

  static double[] columns(double[] x, double[] scale, float[] divisors) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] * scale[i % scale.length] / divisors[i % scale.length];
    }
    return y;
  }

  public static double[] layerNorm(double[] x, double[] weight, double[] bias, float eps) {
    int columns = weight.length;
    double[] y = new double[x.length];
    for (int row = 0; row < x.length; row += columns) {
      double mean = 0;
      for (int j = 0; j < columns; j++) {
        mean += x[row + j] / columns;
      }
      double variance = 0;
      for (int j = 0; j < columns; j++) {
        variance += (x[row + j] - mean) * (x[row + j] - mean) / columns;
      }
      for (int j = 0; j < columns; j++) {
        y[row + j] = (x[row + j] - mean) / Math.sqrt(variance + eps) * weight[j] + bias[j];
      }
    }
    return y;
  }

  static double[] softmax(double[] x, int columns) {
    double[] y = new double[x.length];
    for (int row = 0; row < x.length; row += columns) {
      double logSumExp = logSumExp(x, row, columns);
      for (int j = row; j < row + columns; j++) {
        y[j] = Math.exp(x[j] - logSumExp);
      }
    }
    return y;
  }

  private static double logSumExp(double[] x, int from, int length) {
    double max = x[from];
    for (int j = from; j < from + length; j++) {
      max = Math.max(max, x[j]);
    }
    double sum = 0;
    for (int j = from; j < from + length; j++) {
      sum += Math.exp(x[j] - max);
    }
    return max + Math.log(sum);
  }

  public static double[] gatherRows(double[] x, int[] rows, int columns) {
    double[] y = new double[rows.length * columns];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(x, rows[i] * columns, y, i * columns, columns);
    }
    return y;
  }

  /** Columns {@code first} to {@code first + count - 1} of each row. */
  public static double[] columns(double[] x, int columns, int first, int count) {
    double[] y = new double[x.length / columns * count];
    for (int i = 0; i < x.length / columns; i++) {
      System.arraycopy(x, i * columns + first, y, i * count, count);
    }
    return y;
  }

  /** Causal attention, one query after the other. */
  public static double[] causalAttention(
      double[] q, double[] k, double[] v, int channels, int heads, int[] offsets) {
    int headSize = channels / heads;
    double[] y = new double[q.length];
    for (int s = 0; s + 1 < offsets.length; s++) {
      for (int token = offsets[s]; token < offsets[s + 1]; token++) {
        for (int head = 0; head < heads; head++) {
          attend(q, k, v, channels, head * headSize, headSize, offsets[s], token, y);
        }
      }
    }
    return y;
  }

  /** One token's query in one head against the keys from {@code first} to the token itself. */
  private static void attend(
      double[] q,
      double[] k,
      double[] v,
      int channels,
      int firstChannel,
      int headSize,
      int first,
      int token,
      double[] y) {
    double[] scores = new double[token - first + 1];
    for (int i = 0; i < scores.length; i++) {
      for (int c = firstChannel; c < firstChannel + headSize; c++) {
        scores[i] += q[token * channels + c] * k[(first + i) * channels + c];
      }
      scores[i] /= Math.sqrt(headSize);
    }
    double[] p = softmax(scores, scores.length);
    for (int i = 0; i < scores.length; i++) {
      for (int c = firstChannel; c < firstChannel + headSize; c++) {
        y[token * channels + c] += p[i] * v[(first + i) * channels + c];
      }
    }
  }

  public static double crossEntropy(double[] x, int[] targets, int ignoreIndex) {
    int classes = x.length / targets.length;
    double sum = 0;
    int counted = 0;
    for (int i = 0; i < targets.length; i++) {
      if (targets[i] != ignoreIndex) {
        sum += logSumExp(x, i * classes, classes) - x[i * classes + targets[i]];
        counted++;
      }
    }
    return sum / counted;
  }
}
