package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Module;
import io.github.lora4j.tensor.Tensor;

/** Causal multi-head self-attention with its projections; the subclasses hold them fused or split. */
abstract sealed class CausalSelfAttention extends Module
    permits FusedSelfAttention, SplitSelfAttention {

  final int heads;

  CausalSelfAttention(int heads) {
    this.heads = heads;
  }

  /**
   * Attends inside each sequence.
   *
   * @param x activations, {@code (N, C)}
   * @param offsets where each sequence begins, and at last N
   * @return {@code (N, C)}
   */
  abstract Tensor forward(Tensor x, int[] offsets);

  @Override
  protected String settings() {
    return "heads=" + heads;
  }
}
