package io.github.lora4j.gpt2;

import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Module;
import io.github.lora4j.tensor.Tensor;

/** A transformer block with the norms before attention and MLP: {@code x += attn(ln_1(x)); x += mlp(ln_2(x))}. */
final class Block extends Module {

  private final LayerNorm ln1;
  private final CausalSelfAttention attn;
  private final LayerNorm ln2;
  private final Mlp mlp;

  Block(Gpt2 base, int layer) {
    this.ln1 = child("ln_1", base.layerNorm("h." + layer + ".ln_1"));
    this.attn =
        child(
            "attn",
            base.layout() == QkvLayout.FUSED
                ? new FusedSelfAttention(base, layer)
                : new SplitSelfAttention(base, layer));
    this.ln2 = child("ln_2", base.layerNorm("h." + layer + ".ln_2"));
    this.mlp = child("mlp", new Mlp(base, layer));
  }

  /**
   * Runs the block.
   *
   * @param x activations, {@code (N, C)}
   * @param offsets where each sequence begins, and at last N
   * @return {@code (N, C)}
   */
  Tensor forward(Tensor x, int[] offsets) {
    Tensor attended = x.add(attn.forward(ln1.forward(x), offsets));
    return attended.add(mlp.forward(ln2.forward(attended)));
  }
}
