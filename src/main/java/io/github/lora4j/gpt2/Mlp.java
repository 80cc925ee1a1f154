package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Gelu;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** The feed-forward half of a block: {@code y = c_proj(gelu(c_fc(x)))}. */
final class Mlp extends Layer {

  private final Slot cFc; // (N, C) -> (N, inner)
  private final Gelu act;
  private final Slot cProj; // (N, inner) -> (N, C)

  Mlp(Gpt2 base, int layer) {
    this.cFc = slot("c_fc", base.linear("h." + layer + ".mlp.c_fc"));
    this.act = child("act", new Gelu());
    this.cProj = slot("c_proj", base.linear("h." + layer + ".mlp.c_proj"));
  }

  @Override
  public Tensor forward(Tensor x) {
    return cProj.forward(act.forward(cFc.forward(x)));
  }
}
