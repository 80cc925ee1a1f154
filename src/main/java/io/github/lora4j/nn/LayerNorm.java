package io.github.lora4j.nn;

import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.math.BigDecimal;

/**
 * Layer norm over the last dimension (Ba et al. 2016), {@code y = (x - mean) / sqrt(variance + eps)
 * * weight + bias}.
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
   * @param eps added to the variance, finite and above 0
   * @throws ShapeMismatchException if weight and bias are no rows of one length
   */
  public LayerNorm(Parameter weight, Parameter bias, float eps) {
    if (weight.shape().rank() != 1 || !weight.shape().equals(bias.shape())) {
      throw new ShapeMismatchException(
          "LayerNorm: weight and bias (C) expected, got %s and %s"
              .formatted(weight.shape(), bias.shape()));
    }
    if (!(eps > 0 && eps <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("LayerNorm: a finite eps above 0 expected, got " + eps);
    }
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
    return "(%d,), eps=%s, elementwise_affine=True, bias=True"
        .formatted(weight.shape().numel(), pythonNotation(eps));
  }

  /** A number as Python writes it, such as {@code 1e-05} for Java's {@code 1.0E-5}. */
  private static String pythonNotation(float number) {
    BigDecimal digits = new BigDecimal(Float.toString(number)).stripTrailingZeros();
    int exponent = digits.precision() - digits.scale() - 1;
    if (exponent >= -4) {
      return digits.scale() > 0 ? digits.toPlainString() : Float.toString(number);
    }
    return "%se-%02d".formatted(digits.movePointLeft(exponent).toPlainString(), -exponent);
  }
}
