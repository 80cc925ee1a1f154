package io.github.lora4j.gpt2;

import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Module;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;

/**
 * One transformer block with the norms in front: {@code x = x + attn(ln_1(x)); x = x +
 * mlp(ln_2(x))}.
 */
final class Block extends Module {

  private final LayerNorm ln1;
  private final CausalSelfAttention attn;
  private final LayerNorm ln2;
  private final Mlp mlp;

  Block(Gpt2Config config, Gpt2Weights weights, String path) {
    this.ln1 = child("ln_1", weights.layerNorm(path + ".ln_1", config));
    this.attn = child("attn", CausalSelfAttention.of(config, weights, path + ".attn"));
    this.ln2 = child("ln_2", weights.layerNorm(path + ".ln_2", config));
    this.mlp = child("mlp", new Mlp(weights, path + ".mlp"));
  }

  /**
   * Runs the block.
   *
   * @param x activations, {@code (N, C)}
   * @param offsets where each sequence begins, and at last N
   * @return {@code (N, C)}
   */
  Tensor forward(Tensor x, int[] offsets) {
    Tensor attended = attn.addTo(x, ln1.forward(x), offsets);
    return mlp.addTo(attended, ln2.forward(attended));
  }

  /**
   * Runs the block for the last token of each sequence alone: the rows of {@link #forward} there,
   * to the same bits. Only keys and values are computed for all tokens.
   *
   * @param x activations, {@code (N, C)}
   * @param offsets where each of the B sequences begins, and at last N
   * @return {@code (B, C)}
   */
  Tensor forwardLast(Tensor x, int[] offsets) {
    int[] last = new int[offsets.length - 1];
    Arrays.setAll(last, i -> offsets[i + 1] - 1);
    Tensor attended = attn.addToLast(x.gatherRows(last), ln1.forward(x), last, offsets);
    return mlp.addTo(attended, ln2.forward(attended));
  }
}
