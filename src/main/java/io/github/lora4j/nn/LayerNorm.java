package io.github.lora4j.nn;

import io.github.lora4j.tensor.Tensor;

/**
 * Layer norm over the last dimension (Ba et al. 2016), {@code y = (x - mean) / sqrt(variance + eps) * weight + bias}.
 */
public final class LayerNorm extends Layer {

  private final Parameter weight; // (C)
  private final Parameter bias; // (C)
  private final float eps;

  /**
   * A layer with given values.
   *
   * @param weight {@code (C)}
   * @param bias {@code (C)}
   * @param eps added to the variance, above 0
   */
  public LayerNorm(Parameter weight, Parameter bias, float eps) {
    this.weight = parameter("weight", weight);
    this.bias = parameter("bias", bias);
    this.eps = eps;
  }

  @Override
  public Tensor forward(Tensor x) {
    return x.layerNorm(weight.tensor(), bias.tensor(), eps);
  }

  @Override
  protected String settings() {
    return "(%d,), eps=%s".formatted(weight.shape().numel(), Float.toString(eps));
  }
}
