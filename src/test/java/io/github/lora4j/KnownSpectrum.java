package io.github.lora4j;

/**
 * Matrices whose singular values and vectors are known in closed form: the vectors are those of the
 * discrete cosine transform.
 */
public final class KnownSpectrum {

  /** The unit roundoff of float32. */
  public static final double U = 0x1p-24;

  private KnownSpectrum() {}

  /** Element i of the vector j of an orthonormal basis of n dimensions. */
  public static double cosine(int n, int i, int j) {
    return Math.sqrt((j == 0 ? 1.0 : 2.0) / n) * Math.cos(Math.PI * (i + 0.5) * j / n);
  }

  /** The matrix {@code (m, n)} with these singular values, rounded to float32. */
  public static float[] matrix(int m, int n, double... values) {
    float[] matrix = new float[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int k = 0; k < values.length; k++) {
          sum += values[k] * cosine(m, i, k) * cosine(n, j, k);
        }
        matrix[i * n + j] = (float) sum;
      }
    }
    return matrix;
  }

  /** The root of the sum of squares from an index on. */
  public static double norm(double[] values, int from) {
    double sum = 0;
    for (int i = from; i < values.length; i++) {
      sum += values[i] * values[i];
    }
    return Math.sqrt(sum);
  }
}
