package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.ModuleList;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Embeddings, blocks and the final norm: what every GPT-2 model shares. */
public final class Gpt2Backbone extends Module {

  private final Embedding wte; // (V, C)
  private final Embedding wpe; // (contextLength, C)
  private final ModuleList<Block> h;
  private final LayerNorm lnF;

  Gpt2Backbone(Gpt2 base) {
    this.wte = child("wte", new Embedding(base.parameter("wte.weight")));
    this.wpe = child("wpe", new Embedding(base.parameter("wpe.weight")));
    List<Block> blocks = new ArrayList<>();
    for (int layer = 0; layer < base.config().nLayer(); layer++) {
      blocks.add(new Block(base, layer));
    }
    this.h = child("h", new ModuleList<>(blocks));
    this.lnF = child("ln_f", base.layerNorm("ln_f"));
  }

  /**
   * Runs all blocks, without the final norm.
   *
   * @param batch B sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return {@code (N, C)}
   * @throws IllegalArgumentException if a token id or a length is beyond the model
   */
  Tensor blocks(Sequences batch, @Nullable Tape tape) {
    Tensor x = embed(batch, tape);
    for (Block block : h) {
      x = block.forward(x, batch.offsets());
    }
    return x;
  }

  /** Token and position embeddings, added up: {@code (N, C)}. */
  Tensor embed(Sequences batch, @Nullable Tape tape) {
    int context = wpe.weight().shape().dim(0);
    for (int i = 0; i < batch.count(); i++) {
      if (batch.length(i) > context) {
        throw new IllegalArgumentException(
            "GPT-2: sequences of at most %d tokens expected, got %d (sequence %d; cut it)"
                .formatted(context, batch.length(i), i));
      }
    }
    return wte.forward(batch.tokenIds(), tape).add(wpe.forward(batch.positions(), tape));
  }

  /** The final norm: {@code (..., C)} to {@code (..., C)}. */
  Tensor norm(Tensor x) {
    return lnF.forward(x);
  }

  ModuleList<Block> h() {
    return h;
  }

  Embedding wte() {
    return wte;
  }

  int contextLength() {
    return wpe.weight().shape().dim(0);
  }

  int vocabularySize() {
    return wte.weight().shape().dim(0);
  }
}
