package io.github.lora4j.gpt2;

import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2 with its language-model head: for each token the scores of the next one, {@code logits = ln_f(x) wte^T}. The
 * head is the token embedding itself and no module of its own.
 */
public final class Gpt2LanguageModel extends SequenceModel {

  private final Gpt2Backbone transformer;

  Gpt2LanguageModel(Gpt2 base) {
    this.transformer = child("transformer", new Gpt2Backbone(base));
  }

  /**
   * Computes the scores of every next token.
   *
   * @param batch B sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (N, V)}
   */
  @Override
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    Tensor x = transformer.norm(transformer.blocks(batch, tape));
    return x.linear(transformer.wte().weight().tensor(), null);
  }

  @Override
  public int contextLength() {
    return transformer.contextLength();
  }

  @Override
  public int vocabularySize() {
    return transformer.vocabularySize();
  }

  Gpt2Backbone transformer() {
    return transformer;
  }
}
