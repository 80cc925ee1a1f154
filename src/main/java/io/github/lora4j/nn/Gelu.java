package io.github.lora4j.nn;

import io.github.lora4j.tensor.Tensor;

/** GELU in the tanh approximation (Hendrycks and Gimpel 2016), element by element. */
public final class Gelu extends Layer {

  /** A layer without parameters. */
  public Gelu() {}

  @Override
  public Tensor forward(Tensor x) {
    return x.gelu();
  }

  @Override
  protected String settings() {
    return "approximate='tanh'";
  }
}
