package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2 with a classification head on the last token of each sequence, {@code logits = score(ln_f(x_last))}. Only the
 * pooled rows pass the final norm and the head.
 */
public final class Gpt2Classifier extends SequenceModel {

  /** Standard deviation of a new head's weight, as transformers initialises it. */
  private static final float FULL_HEAD_DEVIATION = 0.02f;

  private final Gpt2Backbone transformer;
  private final Slot score; // (B, C) -> (B, classes)
  private final List<String> labels;

  Gpt2Classifier(Gpt2 base, ClassifierHead head, List<String> labels, long seed) {
    this.transformer = child("transformer", new Gpt2Backbone(base));
    this.labels = List.copyOf(labels);
    this.score = slot("score", head(head, base.config().nEmbd(), labels.size(), seed));
  }

  private static Linear head(ClassifierHead head, int channels, int classes, long seed) {
    Tensor weight = Tensor.zeros(classes, channels);
    long key = CounterRandom.key(seed, CounterRandom.place("score"));
    if (head == ClassifierHead.FULL) {
      CounterRandom.fillGaussian(key, FULL_HEAD_DEVIATION, weight.data());
      return new Linear(Parameter.trained(weight), null, null);
    }
    CounterRandom.fillUniform(key, (float) (1 / Math.sqrt(channels)), weight.data());
    return new Linear(
        Parameter.frozen(weight), Parameter.frozen(Tensor.zeros(classes)), null);
  }

  /**
   * Computes the scores of the classes.
   *
   * @param batch B sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (B, classes)}
   */
  @Override
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    Tensor last = transformer.blocks(batch, tape).gatherRows(batch.lastTokens());
    return score.forward(transformer.norm(last));
  }

  /**
   * The names of the classes, in the order of the logits.
   *
   * @return one name for each class
   */
  public List<String> labels() {
    return labels;
  }

  @Override
  public int contextLength() {
    return transformer.contextLength();
  }

  @Override
  public int vocabularySize() {
    return transformer.vocabularySize();
  }
}
