package io.github.lora4j.gpt2;

import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The weights of a GPT-2 base. Models are made from it; all of them share its parameters, so that a
 * second model costs no memory. Each has a module tree of its own, and what is put into the slots
 * of one does not show in another.
 *
 * <pre>{@code
 * Gpt2 base = Gpt2.load(Path.of("models/gpt2"));
 * Gpt2Classifier classifier = base.classifier(ClassifierHead.LORA, 123, List.of("ham", "spam"));
 * }</pre>
 *
 * <p>A folder written from a classifier is a base too; {@link Gpt2Classifier#load} gives the
 * classifier itself.
 */
public final class Gpt2 {

  private static final Logger log = LoggerFactory.getLogger(Gpt2.class);

  private final Gpt2Config config;
  private final Gpt2Weights weights;

  private Gpt2(Gpt2Config config, Gpt2Weights weights) {
    this.config = config;
    this.weights = weights;
  }

  /**
   * Reads a model with {@code c_attn} fused, as published.
   *
   * @param folder a folder in the Hugging Face layout: {@code config.json} and {@code
   *     model.safetensors}, or shards with their index; F32, F16 or BF16
   * @return the base, every parameter frozen
   * @throws io.github.lora4j.error.BadFileException if a file is malformed, the files do not fit
   *     together, or they hold another model
   * @throws io.github.lora4j.error.NonFiniteException if a weight holds NaN or infinite numbers
   * @throws IOException if a file is missing or cannot be read
   */
  public static Gpt2 load(Path folder) throws IOException {
    return load(folder, LoadOptions.DEFAULT);
  }

  /**
   * Reads a model.
   *
   * @param folder as for {@link #load(Path)}
   * @param layout how attention is to hold its projections; the files are the same for both
   * @return the base, every parameter frozen
   * @throws IOException as {@link #load(Path)}
   */
  public static Gpt2 load(Path folder, QkvLayout layout) throws IOException {
    return load(folder, LoadOptions.DEFAULT.withLayout(layout));
  }

  /**
   * Reads a model.
   *
   * @param folder as for {@link #load(Path)}
   * @param options the layout, the format of the weights, and what to accept
   * @return the base, every parameter frozen
   * @throws io.github.lora4j.error.NonFiniteException if a weight would be infinite in the format,
   *     and as {@link #load(Path)}
   * @throws IOException as {@link #load(Path)}
   */
  public static Gpt2 load(Path folder, LoadOptions options) throws IOException {
    Gpt2Config config = Gpt2Config.read(folder.resolve(Gpt2Config.FILE_NAME));
    TensorSource source = SafetensorsFolder.open(folder);
    if (source.names().contains(SavedHead.WEIGHT)) {
      log.info(
          "{}: the head {} is left out, Gpt2Classifier.load reads it", folder, SavedHead.WEIGHT);
    }
    return load(folder, config, source, options);
  }

  /** Reads the weights of a folder whose configuration is known and whose files are opened. */
  static Gpt2 load(Path folder, Gpt2Config config, TensorSource source, LoadOptions options)
      throws IOException {
    long start = System.nanoTime();
    source.warnings().forEach(log::warn);
    Gpt2Weights weights = Gpt2CheckpointReader.read(folder.toString(), source, config, options);
    Gpt2 base = new Gpt2(config, weights);
    log.info(
        "{} from {} as {} in {} ms",
        base,
        folder,
        options.format().name().toLowerCase(Locale.ROOT),
        (System.nanoTime() - start) / 1_000_000);
    return base;
  }

  /**
   * Makes a new model to be trained from nothing, with the initial values of GPT-2: weights from a
   * normal distribution with deviation 0.02, those that lead back into the residual stream ({@code
   * c_proj}) with {@code 0.02 / sqrt(2 nLayer)}, biases 0, norms the identity.
   *
   * @param config its sizes
   * @param layout how attention is to hold its projections; the values are the same for both
   * @param seed decides the random values
   * @return the base, every parameter trained
   */
  public static Gpt2 initialize(Gpt2Config config, QkvLayout layout, long seed) {
    return new Gpt2(config, Gpt2Initializer.weights(config, layout, seed));
  }

  /**
   * Makes a language model on this base.
   *
   * @return a new module tree over the shared parameters
   */
  public Gpt2LanguageModel languageModel() {
    return new Gpt2LanguageModel(new Gpt2Backbone(config, weights));
  }

  /**
   * Makes a classifier on this base, with a new random head.
   *
   * @param head what its head is like
   * @param seed decides the head's random values
   * @param labels the names of the classes, at least two different ones
   * @return a new module tree; all but the head are shared parameters
   */
  public Gpt2Classifier classifier(ClassifierHead head, long seed, List<String> labels) {
    return new Gpt2Classifier(new Gpt2Backbone(config, weights), head, labels, seed);
  }

  /** Makes a classifier on this base, with the head of a folder. */
  Gpt2Classifier classifier(SavedHead head) {
    return new Gpt2Classifier(new Gpt2Backbone(config, weights), head.score(), head.labels());
  }

  /**
   * Makes a classifier whose classes are called {@code LABEL_0}, {@code LABEL_1} and so on, as
   * transformers calls them.
   *
   * @param head what its head is like
   * @param seed decides the head's random values
   * @param classes the number of classes, at least 2
   * @return a new module tree; all but the head are shared parameters
   */
  public Gpt2Classifier classifier(ClassifierHead head, long seed, int classes) {
    List<String> labels = IntStream.range(0, classes).mapToObj(Gpt2Classifier::unnamed).toList();
    return classifier(head, seed, labels);
  }

  /**
   * Writes this base in the published layout, see {@link Gpt2LanguageModel#save(Path, DType)}.
   *
   * @param folder where to; created if need be
   * @param dtype F32, or F16 or BF16 to halve the size
   * @throws IOException if the files cannot be written; what was there before is then as it was
   */
  public void save(Path folder, DType dtype) throws IOException {
    languageModel().save(folder, dtype);
  }

  /**
   * Writes this base and carries the tokenizer over, see {@link Gpt2LanguageModel#save(Path, DType,
   * Path)}.
   *
   * @param folder where to; created if need be
   * @param dtype F32, or F16 or BF16 to halve the size
   * @param tokenizer the folder that has the tokenizer files
   * @throws IOException as {@link Gpt2LanguageModel#save(Path, DType, Path)}
   */
  public void save(Path folder, DType dtype, Path tokenizer) throws IOException {
    languageModel().save(folder, dtype, tokenizer);
  }

  /**
   * The sizes of the model.
   *
   * @return the configuration
   */
  public Gpt2Config config() {
    return config;
  }

  /**
   * How attention holds its projections.
   *
   * @return the layout of every model made from this base
   */
  public QkvLayout layout() {
    return weights.layout();
  }

  @Override
  public String toString() {
    return "GPT-2 with %d blocks, %d channels, %d parameters"
        .formatted(config.nLayer(), config.nEmbd(), config.parameterCount());
  }
}
