package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** Self-attention with one projection to query, key and value, as published. */
final class FusedSelfAttention extends CausalSelfAttention {

  private final Slot cAttn; // (N, C) -> (N, 3C)
  private final Slot cProj; // (N, C) -> (N, C)

  FusedSelfAttention(Gpt2 base, int layer) {
    super(base.config().nHead());
    this.cAttn = slot("c_attn", base.linear("h." + layer + ".attn.c_attn"));
    this.cProj = slot("c_proj", base.linear("h." + layer + ".attn.c_proj"));
  }

  @Override
  Tensor forward(Tensor x, int[] offsets) {
    return cProj.forward(cAttn.forward(x).causalAttention(heads, offsets));
  }
}
