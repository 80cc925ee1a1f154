package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;

/** Attention whose query, key and value come from a Linear each. */
final class SplitCausalSelfAttention extends CausalSelfAttention {

  private final Slot query; // (N, C) -> (N, C)
  private final Slot key; // (N, C) -> (N, C)
  private final Slot value; // (N, C) -> (N, C)
  private final Slot cProj; // (N, C) -> (N, C)

  SplitCausalSelfAttention(Gpt2Config config, Gpt2Weights weights, String path) {
    super(config.nHead());
    this.query = slot("query", weights.linear(path + ".query"));
    this.key = slot("key", weights.linear(path + ".key"));
    this.value = slot("value", weights.linear(path + ".value"));
    this.cProj = slot("c_proj", weights.linear(path + ".c_proj"));
  }

  @Override
  Tensor addTo(Tensor sum, Tensor x, int[] offsets) {
    Tensor attended =
        query.forward(x).causalAttention(key.forward(x), value.forward(x), heads, offsets);
    return cProj.addTo(sum, attended);
  }

  @Override
  Tensor addToLast(Tensor sum, Tensor x, int[] last, int[] offsets) {
    Tensor attended =
        query
            .forward(x.gatherRows(last))
            .lastTokenAttention(key.forward(x), value.forward(x), heads, offsets);
    return cProj.addTo(sum, attended);
  }
}
