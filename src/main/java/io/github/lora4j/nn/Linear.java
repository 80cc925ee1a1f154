package io.github.lora4j.nn;

import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.LowRankBranch;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Applies {@code y = x W^T + b} to the last dimension of its input.
 *
 * <p>Shapes: x {@code (..., in)}, weight W {@code (out, in)}, bias b {@code (out)}, y {@code (...,
 * out)}. A new layer's weight and bias start uniform in {@code [-1/sqrt(in), 1/sqrt(in)]}, as in
 * PyTorch.
 */
public final class Linear extends Layer {

  private final Parameter weight; // (out, in)
  private final @Nullable Parameter bias; // (out)
  private final @Nullable Origin origin;

  /**
   * A new layer with random values, trained.
   *
   * @param inFeatures in, at least 1
   * @param outFeatures out, at least 1
   * @param bias whether there is a bias
   * @param seed decides the random values
   * @throws IllegalArgumentException if there is no input or no output
   */
  public Linear(int inFeatures, int outFeatures, boolean bias, long seed) {
    this(
        Parameter.trained(uniform(inFeatures, seed, 0, outFeatures, inFeatures)),
        bias ? Parameter.trained(uniform(inFeatures, seed, 1, outFeatures)) : null,
        null);
  }

  /**
   * A layer with given values, such as those of a file; parameters may be shared with another
   * layer.
   *
   * @param weight W, {@code (out, in)}
   * @param bias b, {@code (out)}, or null for none
   * @param origin where the weight comes from in the published files, or null if it is in none
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public Linear(Parameter weight, @Nullable Parameter bias, @Nullable Origin origin) {
    if (weight.shape().rank() != 2
        || (bias != null && !bias.shape().equals(Shape.of(weight.shape().dim(0))))) {
      throw new ShapeMismatchException(
          "Linear: a weight (out, in) and a bias (out) expected, got %s and %s"
              .formatted(weight.shape(), bias == null ? "none" : bias.shape()));
    }
    this.weight = parameter("weight", weight);
    this.bias = bias == null ? null : parameter("bias", bias);
    this.origin = origin;
  }

  private static Tensor uniform(int fanIn, long seed, long which, int... dims) {
    if (fanIn < 1 || dims[0] < 1) {
      throw new IllegalArgumentException(
          "Linear: at least one input and one output expected, got %d and %d"
              .formatted(fanIn, dims[0]));
    }
    Tensor values = Tensor.zeros(dims);
    float bound = (float) (1 / Math.sqrt(fanIn));
    CounterRandom.fillUniform(CounterRandom.key(seed, which), bound, values.data());
    return values;
  }

  @Override
  public Tensor forward(Tensor x) {
    return forward(x, null, null);
  }

  @Override
  public Tensor addTo(Tensor sum, Tensor x) {
    return forward(x, sum, null);
  }

  /**
   * The layer with what is added to it in the same pass, {@code y = addend + x W^T + b + branch}.
   *
   * @param x activations, {@code (..., in)}
   * @param addend {@code (..., out)}, or null for none
   * @param branch a low-rank branch from in to out, or null for none
   * @return {@code (..., out)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor forward(Tensor x, @Nullable Tensor addend, @Nullable LowRankBranch branch) {
    return x.linear(weight.tensor(), bias == null ? null : bias.tensor(), addend, branch);
  }

  /**
   * The size of the input's last dimension.
   *
   * @return in
   */
  public int inFeatures() {
    return weight.shape().dim(1);
  }

  /**
   * The size of the output's last dimension.
   *
   * @return out
   */
  public int outFeatures() {
    return weight.shape().dim(0);
  }

  /**
   * The weight.
   *
   * @return W, {@code (out, in)}
   */
  public Parameter weight() {
    return weight;
  }

  /**
   * The bias.
   *
   * @return b, {@code (out)}, or null if there is none
   */
  public @Nullable Parameter bias() {
    return bias;
  }

  /**
   * Where the weight comes from in the published files.
   *
   * @return the origin, or null for a layer that is in none
   */
  public @Nullable Origin origin() {
    return origin;
  }

  @Override
  protected String settings() {
    return "in_features=%d, out_features=%d, bias=%s"
        .formatted(inFeatures(), outFeatures(), bias != null ? "True" : "False");
  }
}
