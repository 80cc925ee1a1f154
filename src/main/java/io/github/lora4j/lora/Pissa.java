package io.github.lora4j.lora;

import io.github.lora4j.kernel.Decompositions.Svd;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;

/**
 * PiSSA (Meng et al. 2024): a branch that starts as the principal part of the weight beside it.
 * With {@code W = U S V^T} cut to its r largest singular values, {@code A = V sqrt(S / scaling)}
 * and {@code B = sqrt(S / scaling) U^T}, so that {@code scaling (A B)^T} is the best approximation
 * of W of rank r. The layer computes what it did before because {@link #adapted} subtracts the same
 * product beside it.
 *
 * @param loraA A, {@code (in, r)}
 * @param loraB B, {@code (r, out)}
 * @param scaling the factor of the branch
 */
record Pissa(Tensor loraA, Tensor loraB, float scaling) {

  /** Halko et al. find 5 to 10 enough. */
  private static final int OVERSAMPLING = 10;

  /** The spectrum of a trained weight is flat, so that one or two iterations are not enough. */
  private static final int POWER_ITERATIONS = 8;

  /**
   * The branch of a weight. Where the rank exceeds min(in, out) there are no more singular values;
   * the rest of A and B starts as {@link LoraInit#PEFT} has it, and can learn.
   *
   * @param weight W, {@code (out, in)}
   * @param rank r, at least 1
   * @param scaling the factor of the branch; finite, above 0
   * @param key decides the samples of the randomized SVD
   * @return A and B
   * @throws IllegalArgumentException if a number is out of range or an element of W not finite
   */
  static Pissa of(Tensor weight, int rank, float scaling, long key) {
    if (weight.shape().rank() != 2) {
      throw new ShapeMismatchException("pissa: a weight (out, in) expected, got " + weight.shape());
    }
    if (rank < 1 || rank > LoraConfig.MAX_RANK) {
      throw new IllegalArgumentException(
          "pissa: a rank in [1, %d] expected, got %d".formatted(LoraConfig.MAX_RANK, rank));
    }
    if (!(scaling > 0 && scaling < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "pissa: a finite scaling above 0 expected, got " + scaling);
    }
    int out = weight.shape().dim(0);
    int in = weight.shape().dim(1);
    int found = Math.min(rank, Math.min(in, out));
    Svd svd =
        RandomizedSvd.of(
            Matrix.of(weight.toArray(), out, in), found, OVERSAMPLING, POWER_ITERATIONS, key);
    Tensor a = Tensor.zeros(in, rank);
    Tensor b = Tensor.zeros(rank, out);
    if (found < rank) {
      LoraInit.PEFT.fill(CounterRandom.key(key, 1), in, rank, a.data());
    }
    double[] roots = Arrays.stream(svd.values()).map(s -> Math.sqrt(s / scaling)).toArray();
    for (int r = 0; r < found; r++) {
      for (int i = 0; i < in; i++) {
        float v = svd.right().data()[svd.right().index(i, r)];
        a.data()[i * rank + r] = (float) (roots[r] * v);
      }
      for (int o = 0; o < out; o++) {
        float u = svd.left().data()[svd.left().index(o, r)];
        b.data()[r * out + o] = (float) (roots[r] * u);
      }
    }
    return new Pissa(a, b, scaling);
  }

  /** The layer that starts so: the branch, and its start subtracted beside it. */
  static LinearWithLoRA adapted(Linear linear, LoraConfig config, String path) {
    if (config.dora()) {
      throw new IllegalArgumentException("lora: PiSSA or DoRA expected, got both");
    }
    float factor = config.scaling().factor(config.alpha(), config.rank());
    long key = CounterRandom.key(config.seed(), CounterRandom.place(path + ".A"));
    Pissa start = of(linear.weight().tensor(), config.rank(), factor, key);
    Parameter a = Parameter.trained(start.loraA());
    Parameter b = Parameter.trained(start.loraB());
    Parameter negative = b.copy(false);
    for (int i = 0; i < negative.data().length; i++) {
      negative.data()[i] = -negative.data()[i];
    }
    return new LinearWithLoRA(
        linear,
        layer(a, b, config, path),
        null,
        layer(a.copy(false), negative, config.withDropout(0), path));
  }

  private static LoRALayer layer(Parameter a, Parameter b, LoraConfig config, String path) {
    return new LoRALayer(a, b, config.alpha(), config.scaling(), config.dropout(), path);
  }
}
