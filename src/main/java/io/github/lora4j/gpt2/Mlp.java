package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Gelu;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** The two-layer network of a block, applied to each token by itself. */
final class Mlp extends Module {

  private final Slot cFc; // (N, C) -> (N, inner)
  private final Gelu act;
  private final Slot cProj; // (N, inner) -> (N, C)

  Mlp(Gpt2Weights weights, String path) {
    this.cFc = slot("c_fc", weights.linear(path + ".c_fc"));
    this.act = child("act", new Gelu());
    this.cProj = slot("c_proj", weights.linear(path + ".c_proj"));
  }

  /**
   * Runs the network and adds its outcome.
   *
   * @param sum the residual stream, {@code (N, C)}
   * @param x activations, {@code (N, C)}
   * @return {@code (N, C)}
   */
  Tensor addTo(Tensor sum, Tensor x) {
    Tensor hidden = act.forward(cFc.forward(x));
    Tensor y = cProj.addTo(sum, hidden);
    hidden.forget(); // the largest activation, and quickly computed again
    return y;
  }
}
