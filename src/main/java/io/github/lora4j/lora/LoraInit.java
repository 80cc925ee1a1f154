package io.github.lora4j.lora;

import io.github.lora4j.kernel.Decompositions;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.tensor.CounterRandom;
import java.util.Arrays;

/**
 * How A and B start. What they add is always zero, so that an adapted model first equals its base;
 * were both zero, no gradient would ever leave zero. All but {@link #ORTHOGONAL} and {@link #PISSA}
 * draw A and leave B at zero.
 */
public enum LoraInit {

  /** Uniform in {@code [-1/sqrt(in), 1/sqrt(in))}, as PEFT and loralib draw it. */
  PEFT {
    @Override
    void fill(long key, int inFeatures, int rank, float[] a) {
      CounterRandom.fillUniform(key, (float) (1 / Math.sqrt(inFeatures)), a);
    }
  },

  /**
   * Uniform in {@code [-1/sqrt(rank), 1/sqrt(rank))}, as in appendix E of Raschka, "Build a Large
   * Language Model (From Scratch)": A is several times larger than PEFT's, and loss curves from
   * there need it.
   */
  BOOK {
    @Override
    void fill(long key, int inFeatures, int rank, float[] a) {
      CounterRandom.fillUniform(key, (float) (1 / Math.sqrt(rank)), a);
    }
  },

  /** Normal with the standard deviation {@code 1/rank}, PEFT's {@code "gaussian"}. */
  GAUSSIAN {
    @Override
    void fill(long key, int inFeatures, int rank, float[] a) {
      CounterRandom.fillGaussian(key, 1f / rank, a);
    }
  },

  /**
   * PEFT's {@code "orthogonal"}: neither A nor B is zero and yet {@code A B} is, since the rows of
   * A and the columns of B lie in orthogonal halves of the inner space. With the rows of a random
   * orthogonal Q {@code (r, r)} dealt out in turn to {@code Q1} and {@code Q2 (r/2, r)}, and X
   * {@code (in, r/2)} and Y {@code (r/2, out)} standard normal: {@code A = X Q1 / 10}, {@code B =
   * Q2^T Y / 10}. The rank must be even.
   */
  ORTHOGONAL {
    @Override
    void fill(long key, int inFeatures, int rank, float[] a) {
      mix(
          CounterRandom.key(key, 1),
          inFeatures,
          halfBasis(key, rank, 0),
          Matrix.of(a, inFeatures, rank));
    }

    @Override
    void fillB(long key, int rank, int outFeatures, float[] b) {
      Matrix transposed = Matrix.of(b, rank, outFeatures).transpose();
      mix(CounterRandom.key(key, 2), outFeatures, halfBasis(key, rank, 1), transposed);
    }
  },

  /**
   * PiSSA (Meng et al. 2024): A and B start as the principal part of the weight beside them, found
   * by a randomized SVD. The base is not changed: what they start as is subtracted beside them, and
   * an adapter is saved as a plain branch of twice the rank, {@code A B - A_0 B_0}. Only by {@link
   * Lora#apply}, which knows the weight, and not with DoRA.
   */
  PISSA {
    @Override
    void fill(long key, int inFeatures, int rank, float[] a) {
      throw new IllegalArgumentException(
          "lora: a layer with a weight expected for the init PiSSA, got a branch alone (use"
              + " Lora.apply)");
    }
  };

  private static final double ORTHOGONAL_SCALE = 0.1;

  /**
   * Draws A as a function of the key alone.
   *
   * @param key the key, the same as for B
   * @param inFeatures in
   * @param rank r
   * @param a A, {@code (in, r)}; overwritten
   * @throws IllegalArgumentException if the rank does not fit the init
   */
  abstract void fill(long key, int inFeatures, int rank, float[] a);

  /**
   * Makes the B that belongs to the A of the same key.
   *
   * @param key the key, the same as for A
   * @param rank r
   * @param outFeatures out
   * @param b B, {@code (r, out)}; overwritten
   * @throws IllegalArgumentException if the rank does not fit the init
   */
  void fillB(long key, int rank, int outFeatures, float[] b) {
    Arrays.fill(b, 0);
  }

  /** Every other row of the orthogonal matrix of a key, {@code (r/2, r)}. */
  private static Matrix halfBasis(long key, int rank, int first) {
    if (rank % 2 != 0) {
      throw new IllegalArgumentException(
          "lora: an even rank expected for the orthogonal init, got %d (%d or %d)"
              .formatted(rank, rank - 1, rank + 1));
    }
    float[] normal = new float[rank * rank];
    CounterRandom.fillGaussian(CounterRandom.key(key, 0), 1, normal);
    Matrix q = Decompositions.qr(Matrix.of(normal, rank, rank)).q();
    return new Matrix(q.data(), first * rank, rank / 2, rank, 2 * rank, 1);
  }

  /**
   * Sets each row of the result to a random combination of rows of the basis. In double: what
   * rounding leaves of {@code A B} is an error of the start.
   */
  private static void mix(long key, int rows, Matrix basis, Matrix result) {
    int half = basis.rows();
    double[] sum = new double[basis.columns()];
    for (int i = 0; i < rows; i++) {
      Arrays.fill(sum, 0);
      for (int h = 0; h < half; h++) {
        double normal = ORTHOGONAL_SCALE * CounterRandom.gaussian(key, (long) i * half + h);
        for (int j = 0; j < sum.length; j++) {
          sum[j] += normal * basis.data()[basis.index(h, j)];
        }
      }
      for (int j = 0; j < sum.length; j++) {
        result.data()[result.index(i, j)] = (float) sum[j];
      }
    }
  }
}
