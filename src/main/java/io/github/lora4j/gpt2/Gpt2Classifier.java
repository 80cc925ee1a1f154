package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.TensorSource;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
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
    this(transformer, head(head, transformer.config().nEmbd(), labels.size(), seed), labels);
  }

  Gpt2Classifier(Gpt2Backbone transformer, Linear score, List<String> labels) {
    if (labels.size() < 2 || new HashSet<>(labels).size() < labels.size()) {
      throw new IllegalArgumentException(
          "classifier: at least two different labels expected, got " + labels);
    }
    this.transformer = child("transformer", transformer);
    this.score = slot("score", score);
    this.labels = List.copyOf(labels);
  }

  /**
   * Reads a classifier that was {@link #save(Path, DType) saved}, by this library or by
   * transformers as {@code GPT2ForSequenceClassification}: its labels from {@code id2label} in
   * {@code config.json}, its head from {@code score.weight}.
   *
   * @param folder as for {@link Gpt2#load(Path)}
   * @param options the layout, the format of the weights, and what to accept; the head is always
   *     float32
   * @return the classifier, every parameter frozen, its head without bias
   * @throws io.github.lora4j.error.MismatchException if there is no head, or it does not fit the
   *     labels, and as {@link Gpt2#load(Path)}
   * @throws ModelConfigFormatException if the labels are malformed
   * @throws io.github.lora4j.error.UnsupportedFeatureException if there is but one label
   * @throws io.github.lora4j.error.NonFiniteException if a weight holds NaN or infinite numbers
   * @throws IOException if a file is missing or cannot be read
   */
  public static Gpt2Classifier load(Path folder, LoadOptions options) throws IOException {
    Gpt2Config config = Gpt2Config.read(folder.resolve(Gpt2Config.FILE_NAME));
    TensorSource source = SafetensorsFolder.open(folder);
    // The head comes first: it is read at once, and what is wrong with it is said at once.
    SavedHead head = SavedHead.read(folder, config.nEmbd(), source, options);
    return Gpt2.load(folder, config, source, options).classifier(head);
  }

  /**
   * Writes {@code config.json} and {@code model.safetensors} as a {@code
   * GPT2ForSequenceClassification} of transformers, whatever the layout in memory: the names of the
   * backbone begin with {@code transformer.}, {@code c_attn} is fused, the head is {@code
   * score.weight}, {@code (classes, C)}. The labels are in {@code config.json}, with the last token
   * of the vocabulary for padding: transformers scores each text at its last other token. The bytes
   * depend on weights and labels alone. Older files are replaced once all new ones are complete.
   *
   * @param folder where to; created if need be, other files in it stay
   * @param dtype F32, or F16 or BF16 to halve the size
   * @throws IllegalArgumentException if a Linear is adapted and not merged, the head has a bias
   *     that is not zero, which such files do not hold, or dtype is another
   * @throws IOException if the files cannot be written; what was there before is then as it was
   */
  public void save(Path folder, DType dtype) throws IOException {
    Gpt2CheckpointWriter.classifier(transformer, score.layer(), labels, folder, dtype, null);
  }

  /**
   * Writes as {@link #save(Path, DType)} does, and carries the tokenizer over as {@link
   * Gpt2LanguageModel#save(Path, DType, Path)} does.
   *
   * @param folder where to; created if need be, other files in it stay
   * @param dtype F32, or F16 or BF16 to halve the size
   * @param tokenizer the folder that has the tokenizer files, such as that of the base
   * @throws IllegalArgumentException as {@link #save(Path, DType)}
   * @throws IOException as {@link Gpt2LanguageModel#save(Path, DType, Path)}
   */
  public void save(Path folder, DType dtype, Path tokenizer) throws IOException {
    Gpt2CheckpointWriter.classifier(transformer, score.layer(), labels, folder, dtype, tokenizer);
  }

  /** How transformers calls a class that has no name. */
  static String unnamed(int index) {
    return "LABEL_" + index;
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
