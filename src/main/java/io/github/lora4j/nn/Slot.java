package io.github.lora4j.nn;

import io.github.lora4j.tensor.Tensor;

/**
 * A place in a module whose layer may be exchanged. The slot is the only reference to that layer:
 * what is set here is what the forward pass runs, what the tree shows and what parameters are
 * counted.
 */
public final class Slot {

  private Layer layer;

  Slot(Layer layer) {
    this.layer = layer;
  }

  /**
   * The layer in place.
   *
   * @return what was set last
   */
  public Layer layer() {
    return layer;
  }

  /**
   * Puts another layer in place.
   *
   * @param replacement the layer to run from now on
   */
  public void set(Layer replacement) {
    layer = replacement;
  }

  /**
   * Runs the layer in place.
   *
   * @param x activations, {@code (..., in)}
   * @return new activations, {@code (..., out)}
   */
  public Tensor forward(Tensor x) {
    return layer.forward(x);
  }

  /**
   * Runs the layer in place and adds, {@code sum + forward(x)}.
   *
   * @param sum activations, {@code (..., out)}
   * @param x activations, {@code (..., in)}
   * @return new activations, {@code (..., out)}
   */
  public Tensor addTo(Tensor sum, Tensor x) {
    return layer.addTo(sum, x);
  }
}
