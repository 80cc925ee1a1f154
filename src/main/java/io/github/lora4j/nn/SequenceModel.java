package io.github.lora4j.nn;

import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A model that answers token sequences with scores: a classifier with one row for each sequence, a
 * language model with one row for each token.
 */
public abstract class SequenceModel extends Module {

  /** For subclasses. */
  protected SequenceModel() {}

  /**
   * Computes the scores of a batch. Without a tape this is inference, and many threads may run it
   * at once.
   *
   * @param batch B sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (B, classes)} or {@code (N, V)}
   * @throws IllegalArgumentException if a token id or a length is beyond what the model takes
   */
  public abstract Tensor forward(Sequences batch, @Nullable Tape tape);

  /**
   * Computes the mean cross-entropy of the scores of a batch, {@code -1/n sum_i log
   * softmax(scores_i)[target_i]} over the n rows that count.
   *
   * @param batch B sequences with N tokens in all
   * @param targets one class for each row of the scores
   * @param ignoreIndex the target of rows that do not count
   * @param tape the tape of a training step, or null for inference
   * @return a scalar
   * @throws IllegalArgumentException as {@link #forward}, or if a target is no class, or no row
   *     counts
   */
  public Tensor loss(Sequences batch, int[] targets, int ignoreIndex, @Nullable Tape tape) {
    return forward(batch, tape).crossEntropy(targets, ignoreIndex);
  }

  /**
   * The longest sequence the model takes.
   *
   * @return tokens
   */
  public abstract int contextLength();

  /**
   * How many token ids the model knows.
   *
   * @return V
   */
  public abstract int vocabularySize();
}
