package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.ModuleList;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2 without a head: embeddings, blocks and the last norm. {@link #forward} is {@link #embed},
 * then each of the blocks, then {@link #normalize}.
 */
public final class Gpt2Backbone extends Module {

  private final Gpt2Config config;
  private final Embedding wte; // (V, C)
  private final Embedding wpe; // (n_positions, C)
  private final ModuleList<Block> blocks;
  private final LayerNorm lnF;

  Gpt2Backbone(Gpt2Config config, Gpt2Weights weights) {
    this.config = config;
    this.wte = child("wte", weights.embedding("wte"));
    this.wpe = child("wpe", weights.embedding("wpe"));
    this.blocks =
        child(
            "h",
            new ModuleList<>(
                IntStream.range(0, config.nLayer())
                    .mapToObj(i -> new Block(config, weights, "h." + i))
                    .toList()));
    this.lnF = child("ln_f", weights.layerNorm("ln_f", config));
  }

  /**
   * Computes the last hidden state, after {@code ln_f}.
   *
   * @param batch sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return {@code (N, C)}
   * @throws IllegalArgumentException if a token id is not in the vocabulary or a sequence is longer
   *     than the context
   */
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    Tensor x = embed(batch, tape);
    for (Block block : blocks) {
      x = block.forward(x, batch.offsets());
    }
    return normalize(x);
  }

  /**
   * Computes the last hidden state, after {@code ln_f}, of the last token of each sequence: the
   * rows of {@link #forward} there, to the same bits. What only other tokens need is left out.
   *
   * @param batch B sequences
   * @param tape the tape of a training step, or null for inference
   * @return {@code (B, C)}
   * @throws IllegalArgumentException as {@link #forward}
   */
  public Tensor forwardLast(Sequences batch, @Nullable Tape tape) {
    Tensor x = embed(batch, tape);
    int last = config.nLayer() - 1;
    for (int i = 0; i < last; i++) {
      x = block(i, x, batch);
    }
    return normalize(blocks.get(last).forwardLast(x, batch.offsets()));
  }

  /**
   * Adds the embeddings of token ids and positions, {@code wte_{id} + wpe_{position}}.
   *
   * @param batch sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return {@code (N, C)}, the input of the first block
   * @throws IllegalArgumentException if a token id is not in the vocabulary or a sequence is longer
   *     than the context
   */
  public Tensor embed(Sequences batch, @Nullable Tape tape) {
    check(batch);
    return wte.forward(batch.tokenIds(), tape).add(wpe.forward(batch.positions(), tape));
  }

  /**
   * Runs one block.
   *
   * @param index the number of the block, from 0
   * @param x the output of {@link #embed} or of the block before, {@code (N, C)}
   * @param batch the sequences that x was computed from
   * @return {@code (N, C)}
   */
  public Tensor block(int index, Tensor x, Sequences batch) {
    return blocks.get(index).forward(x, batch.offsets());
  }

  /**
   * Applies {@code ln_f}.
   *
   * @param x rows of the last block's output, {@code (..., C)}
   * @return {@code (..., C)}
   */
  public Tensor normalize(Tensor x) {
    return lnF.forward(x);
  }

  /**
   * The token embeddings, which language models also use as output weights.
   *
   * @return {@code wte}, {@code (V, C)}
   */
  public Embedding tokenEmbedding() {
    return wte;
  }

  /**
   * The sizes of the model.
   *
   * @return the configuration
   */
  public Gpt2Config config() {
    return config;
  }

  private void check(Sequences batch) {
    int[] offsets = batch.offsets();
    int[] ids = batch.tokenIds();
    for (int sequence = 0; sequence < batch.count(); sequence++) {
      int length = batch.length(sequence);
      if (length > config.contextLength()) {
        throw new IllegalArgumentException(
            "GPT-2: sequences of at most %d tokens expected, got %d tokens in sequence %d (cut it)"
                .formatted(config.contextLength(), length, sequence));
      }
      for (int t = offsets[sequence]; t < offsets[sequence + 1]; t++) {
        if (ids[t] < 0 || ids[t] >= config.vocabSize()) {
          throw new IllegalArgumentException(
              ("GPT-2: token ids from 0 to %d expected, got %d at position %d of sequence %d"
                      + " (of %d tokens; is the tokenizer that of this model?)")
                  .formatted(
                      config.vocabSize() - 1, ids[t], t - offsets[sequence], sequence, length));
        }
      }
    }
  }
}
