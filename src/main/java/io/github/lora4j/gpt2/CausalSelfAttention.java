package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Module;
import io.github.lora4j.tensor.Tensor;

/** Multi-head attention of each token to itself and the tokens before it in its sequence. */
abstract sealed class CausalSelfAttention extends Module
    permits FusedCausalSelfAttention, SplitCausalSelfAttention {

  final int heads;

  CausalSelfAttention(int heads) {
    this.heads = heads;
  }

  static CausalSelfAttention of(Gpt2Config config, Gpt2Weights weights, String path) {
    return switch (weights.layout()) {
      case FUSED -> new FusedCausalSelfAttention(config, weights, path);
      case SPLIT -> new SplitCausalSelfAttention(config, weights, path);
    };
  }

  /**
   * Attends inside each sequence and adds the outcome.
   *
   * @param sum the residual stream, {@code (N, C)}
   * @param x activations, {@code (N, C)}
   * @param offsets where each sequence begins, and at last N
   * @return {@code (N, C)}
   */
  abstract Tensor addTo(Tensor sum, Tensor x, int[] offsets);

  /**
   * The same for the last token of each sequence alone.
   *
   * @param sum the residual stream at the last tokens, {@code (B, C)}
   * @param x activations, {@code (N, C)}
   * @param last the last tokens' rows
   * @param offsets where each sequence begins, and at last N
   * @return {@code (B, C)}
   */
  abstract Tensor addToLast(Tensor sum, Tensor x, int[] last, int[] offsets);

  @Override
  protected String settings() {
    return "heads=" + heads;
  }
}
