package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.HashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2 that sorts sequences into classes by what it has read at their last token: {@code logits =
 * score(ln_f(h_last))}.
 */
public final class Gpt2Classifier extends SequenceModel {

  private static final float FULL_HEAD_DEVIATION = 0.02f;

  private final Gpt2Backbone transformer;
  private final Slot score; // (B, C) -> (B, classes)
  private final List<String> labels;

  Gpt2Classifier(Gpt2Backbone transformer, ClassifierHead head, List<String> labels, long seed) {
    if (labels.size() < 2 || new HashSet<>(labels).size() < labels.size()) {
      throw new IllegalArgumentException(
          "classifier: at least two different labels expected, got " + labels);
    }
    this.transformer = child("transformer", transformer);
    this.score = slot("score", head(head, transformer.config().nEmbd(), labels.size(), seed));
    this.labels = List.copyOf(labels);
  }

  private static Linear head(ClassifierHead kind, int channels, int classes, long seed) {
    Tensor weight = Tensor.zeros(classes, channels);
    long key = CounterRandom.key(seed, CounterRandom.place("score"));
    return switch (kind) {
      case LORA -> {
        CounterRandom.fillUniform(key, (float) (1 / Math.sqrt(channels)), weight.data());
        Parameter bias = Parameter.frozen(Tensor.zeros(classes));
        yield new Linear(Parameter.frozen(weight), bias, null);
      }
      case FULL -> {
        CounterRandom.fillGaussian(key, FULL_HEAD_DEVIATION, weight.data());
        yield new Linear(Parameter.trained(weight), null, null);
      }
    };
  }

  /**
   * Scores the classes for each sequence.
   *
   * @param batch B sequences
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (B, classes)}, in the order of {@link #labels}
   * @throws IllegalArgumentException if a token id is not in the vocabulary or a sequence is longer
   *     than {@link #contextLength}
   */
  @Override
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    return score.forward(transformer.forwardLast(batch, tape));
  }

  /**
   * Scores the classes at every token, as if each sequence ended there. {@link #forward} gives the
   * rows at the last tokens without computing the others.
   *
   * @param batch B sequences with N tokens in all
   * @param tape the tape of a training step, or null for inference
   * @return logits, {@code (N, classes)}
   * @throws IllegalArgumentException as {@link #forward}
   */
  public Tensor scoreEveryToken(Sequences batch, @Nullable Tape tape) {
    return score.forward(transformer.forward(batch, tape));
  }

  /**
   * The names of the classes.
   *
   * @return one label for each column of the logits; not modifiable
   */
  public List<String> labels() {
    return labels;
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
