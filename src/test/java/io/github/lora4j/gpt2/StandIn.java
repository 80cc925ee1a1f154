package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.tensor.Tensor;

/** Stands where a Linear is adapted; computes nothing. */
final class StandIn extends Layer {

  StandIn(Layer linear) {
    child("linear", linear);
  }

  @Override
  public Tensor forward(Tensor x) {
    return x;
  }
}
