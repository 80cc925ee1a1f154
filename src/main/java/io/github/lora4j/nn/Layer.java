package io.github.lora4j.nn;

import io.github.lora4j.tensor.Tensor;

/** A module that maps one activation to another. What a {@link Slot} holds. */
public abstract class Layer extends Module {

  /** For subclasses. */
  protected Layer() {}

  /**
   * Computes the outcome for an activation. Recorded if the activation is on a tape and a parameter
   * of this layer, or what the activation was computed from, is trained.
   *
   * @param x activations, {@code (..., in)}; not modified
   * @return new activations, {@code (..., out)}
   */
  public abstract Tensor forward(Tensor x);

  /**
   * Computes {@code sum + forward(x)}; a layer that ends in a product adds while it computes.
   *
   * @param sum activations, {@code (..., out)}; not modified
   * @param x activations, {@code (..., in)}; not modified
   * @return new activations, {@code (..., out)}
   */
  public Tensor addTo(Tensor sum, Tensor x) {
    return sum.add(forward(x));
  }
}
