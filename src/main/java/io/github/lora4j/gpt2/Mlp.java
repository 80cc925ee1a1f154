package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Gelu;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** The two-layer network of a block, applied to each token by itself. */
final class Mlp extends Layer {

  private final Slot cFc; // (N, C) -> (N, inner)
  private final Gelu act;
  private final Slot cProj; // (N, inner) -> (N, C)

  Mlp(Gpt2Weights weights, String path) {
    this.cFc = slot("c_fc", weights.linear(path + ".c_fc"));
    this.act = child("act", new Gelu());
    this.cProj = slot("c_proj", weights.linear(path + ".c_proj"));
  }

  @Override
  public Tensor forward(Tensor x) {
    return cProj.forward(act.forward(cFc.forward(x)));
  }
}
