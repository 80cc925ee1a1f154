package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** Attention whose query, key and value come from one Linear, {@code c_attn}. */
final class FusedCausalSelfAttention extends CausalSelfAttention {

  private final Slot cAttn; // (N, C) -> (N, 3C)
  private final Slot cProj; // (N, C) -> (N, C)

  FusedCausalSelfAttention(Gpt2Config config, Gpt2Weights weights, String path) {
    super(config.nHead());
    this.cAttn = slot("c_attn", weights.linear(path + ".c_attn"));
    this.cProj = slot("c_proj", weights.linear(path + ".c_proj"));
  }

  @Override
  Tensor addTo(Tensor sum, Tensor x, int[] offsets) {
    return cProj.addTo(sum, cAttn.forward(x).causalAttention(heads, offsets));
  }

  @Override
  Tensor addToLast(Tensor sum, Tensor x, int[] last, int[] offsets) {
    return cProj.addTo(sum, cAttn.forward(x).lastTokenAttention(heads, offsets));
  }
}
