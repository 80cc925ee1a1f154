package io.github.lora4j.gpt2;

import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2 that predicts the next token: {@code logits = ln_f(h) wte^T}. The output weights are the
 * token embeddings themselves, so there is no {@code lm_head} layer.
 */
public final class Gpt2LanguageModel extends SequenceModel {

  private final Gpt2Backbone transformer;

  Gpt2LanguageModel(Gpt2Backbone transformer) {
    this.transformer = child("transformer", transformer);
  }

  /**
   * Scores every token of the vocabulary as the successor of each token of the batch.
   *
   * @param batch sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (N, V)}
   * @throws IllegalArgumentException if a token id is not in the vocabulary or a sequence is longer
   *     than {@link #contextLength}
   */
  @Override
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    return score(transformer.forward(batch, tape));
  }

  /** The loss without the scores of all tokens at once, which are larger than all else. */
  @Override
  public Tensor loss(Sequences batch, int[] targets, int ignoreIndex, @Nullable Tape tape) {
    Tensor weight = transformer.tokenEmbedding().weight().tensor();
    return transformer.forward(batch, tape).linearCrossEntropy(weight, targets, ignoreIndex);
  }

  /**
   * Scores every token of the vocabulary as the successor of each sequence as a whole: the rows of
   * {@link #forward} at the last tokens, without computing the others. Inference only.
   *
   * @param batch B sequences
   * @return logits, {@code (B, V)}
   * @throws IllegalArgumentException as {@link #forward}
   */
  public Tensor nextToken(Sequences batch) {
    return score(transformer.forwardLast(batch, null));
  }

  private Tensor score(Tensor hidden) {
    return hidden.linear(transformer.tokenEmbedding().weight().tensor(), null);
  }

  /**
   * Writes {@code config.json} (a {@code GPT2LMHeadModel}) and {@code model.safetensors} in the
   * published layout, whatever the layout in memory: {@code c_attn} fused, Conv1D weights {@code
   * (in, out)}, no {@code lm_head}. The bytes depend on the weights alone. Older files are replaced
   * once all new ones are complete.
   *
   * @param folder where to; created if need be, other files in it stay
   * @param dtype F32, or F16 or BF16 to halve the size
   * @throws IllegalArgumentException if a Linear is adapted and not merged, or dtype is another
   * @throws IOException if the files cannot be written; what was there before is then as it was
   */
  public void save(Path folder, DType dtype) throws IOException {
    Gpt2CheckpointWriter.languageModel(transformer, folder, dtype, null);
  }

  /**
   * Writes as {@link #save(Path, DType)} does, and carries the tokenizer over, byte by byte: {@code
   * vocab.json} and {@code merges.txt}, and {@code tokenizer.json}, {@code tokenizer_config.json}
   * and {@code special_tokens_map.json} if they are there. A folder without any is accepted.
   *
   * @param folder where to; created if need be, other files in it stay
   * @param dtype F32, or F16 or BF16 to halve the size
   * @param tokenizer the folder that has the tokenizer files, such as that of the base
   * @throws IllegalArgumentException as {@link #save(Path, DType)}
   * @throws IOException if the files cannot be written, there is no tokenizer folder, it has but
   *     one of vocabulary and merges, or files of another tokenizer would stay beside; what was
   *     there before is then as it was
   */
  public void save(Path folder, DType dtype, Path tokenizer) throws IOException {
    Gpt2CheckpointWriter.languageModel(transformer, folder, dtype, tokenizer);
  }

  /**
   * The model without its head.
   *
   * @return the child {@code transformer}
   */
  public Gpt2Backbone transformer() {
    return transformer;
  }

  @Override
  public int contextLength() {
    return transformer.config().contextLength();
  }

  @Override
  public int vocabularySize() {
    return transformer.config().vocabSize();
  }
}
