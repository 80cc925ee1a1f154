package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** Self-attention with a projection each for query, key and value. */
final class SplitSelfAttention extends CausalSelfAttention {

  private final Slot query; // (N, C) -> (N, C)
  private final Slot key; // (N, C) -> (N, C)
  private final Slot value; // (N, C) -> (N, C)
  private final Slot cProj; // (N, C) -> (N, C)

  SplitSelfAttention(Gpt2 base, int layer) {
    super(base.config().nHead());
    int channels = base.config().nEmbd();
    String fused = "h." + layer + ".attn.c_attn";
    this.query = slot("query", base.linear(fused, 0, channels));
    this.key = slot("key", base.linear(fused, channels, channels));
    this.value = slot("value", base.linear(fused, 2 * channels, channels));
    this.cProj = slot("c_proj", base.linear("h." + layer + ".attn.c_proj"));
  }

  @Override
  Tensor forward(Tensor x, int[] offsets) {
    Tensor attended =
        query.forward(x).causalAttention(key.forward(x), value.forward(x), heads, offsets);
    return cProj.forward(attended);
  }
}
