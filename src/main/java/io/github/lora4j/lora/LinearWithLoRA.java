package io.github.lora4j.lora;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;

/**
 * A linear layer with a low-rank branch beside it, {@code y = linear(x) + alpha/rank * (x A) B}.
 *
 * <p>Shapes: x {@code (..., in)}, y {@code (..., out)}. The children are named {@code linear} and
 * {@code lora}. The linear layer is a fixed child, not in a slot: no walk can wrap it a second
 * time. Whether its weight is frozen is the caller's choice, see {@link
 * io.github.lora4j.nn.Module#freeze}.
 */
public final class LinearWithLoRA extends Layer {

  private final Linear linear;
  private final LoRALayer lora;

  /**
   * A layer with a new branch, for a model built by hand; {@link Lora} does this for a whole model.
   * No dropout, PEFT's initial values, the same for every layer of equal sizes.
   *
   * @param linear the layer to adapt
   * @param rank r, in [1, {@value LoraConfig#MAX_RANK}]
   * @param alpha the branch is scaled by {@code alpha / rank}; finite, above 0
   */
  public LinearWithLoRA(Linear linear, int rank, float alpha) {
    this(linear, new LoRALayer(linear.inFeatures(), linear.outFeatures(), rank, alpha));
  }

  /**
   * A layer with a given branch.
   *
   * @param linear the layer to adapt
   * @param lora the branch
   * @throws ShapeMismatchException if their sizes differ
   */
  public LinearWithLoRA(Linear linear, LoRALayer lora) {
    if (linear.inFeatures() != lora.inFeatures() || linear.outFeatures() != lora.outFeatures()) {
      throw new ShapeMismatchException(
          "LinearWithLoRA: a branch from %d to %d features expected, got one from %d to %d"
              .formatted(
                  linear.inFeatures(),
                  linear.outFeatures(),
                  lora.inFeatures(),
                  lora.outFeatures()));
    }
    this.linear = child("linear", linear);
    this.lora = child("lora", lora);
  }

  @Override
  public Tensor forward(Tensor x) {
    return linear.forward(x, null, lora.branch(x)); // y = linear(x) + alpha/rank * (x A) B
  }

  @Override
  public Tensor addTo(Tensor sum, Tensor x) {
    return linear.forward(x, sum, lora.branch(x));
  }

  /**
   * The adapted layer.
   *
   * @return the layer as it was before
   */
  public Linear linear() {
    return linear;
  }

  /**
   * The branch.
   *
   * @return A, B and their scaling
   */
  public LoRALayer lora() {
    return lora;
  }
}
