package io.github.lora4j;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.lora.Adapter;
import io.github.lora4j.lora.AdapterFacts;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.DataLoader;
import io.github.lora4j.text.Padding;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.Trainer;
import io.github.lora4j.train.TrainingReceipt;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A finetuned GPT-2 that sorts texts into classes, from the text to the name of the class.
 *
 * <pre>{@code
 * TextClassifier classifier = TextClassifier.finetune(model, data, FinetuneOptions.DEFAULT);
 * classifier.save(Path.of("runs/spam"));
 * Classification answer = TextClassifier.load(model, Path.of("runs/spam")).classify("You won!");
 * }</pre>
 *
 * <p>Who wants to see or change what happens in between uses {@link FinetuningRun} or the packages
 * themselves. Many threads may classify at once.
 */
public final class TextClassifier {

  private static final Logger logger = LoggerFactory.getLogger(TextClassifier.class);

  private static final int EVALUATION_BATCH = 8;

  private final Gpt2Classifier model;
  private final Tokenizer tokenizer;
  private final Padding padding;
  private final int maxLength;
  private final AdapterMetadata metadata;
  private volatile @Nullable TrainingReceipt receipt;

  TextClassifier(
      Gpt2Classifier model,
      Tokenizer tokenizer,
      Padding padding,
      int maxLength,
      AdapterMetadata metadata) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.padding = padding;
    this.maxLength = maxLength;
    this.metadata = metadata;
  }

  /**
   * Finetunes a base on labelled texts. What the receipt complains of is logged as a warning.
   *
   * @param modelFolder the base with its tokenizer: {@code config.json}, {@code model.safetensors},
   *     {@code vocab.json}, {@code merges.txt}
   * @param data texts to learn from, and to watch the training with
   * @param options how
   * @return the classifier
   * @throws IOException if the base cannot be read
   */
  public static TextClassifier finetune(Path modelFolder, Splits data, FinetuneOptions options)
      throws IOException {
    FinetuningRun run = FinetuningRun.prepare(modelFolder, data, options);
    run.train();
    run.receipt().complaints().forEach(complaint -> logger.warn("finetune: {}", complaint));
    return run.classifier();
  }

  /**
   * Loads a base and what {@link #save} wrote, or a classifier's adapter of Hugging Face PEFT. What
   * such files do not state is as it is there: the tokenizer is that of the base, texts are cut at
   * its context length and not padded, and the classes are called {@code LABEL_0}, {@code LABEL_1}
   * and so on.
   *
   * @param modelFolder the same base as for training, with its tokenizer
   * @param adapterFolder the folder of the adapter
   * @return the classifier, equal to the saved one if that has its base in float32
   * @throws MismatchException if the adapter was trained with another base or tokenizer, or for
   *     something else than at least two classes
   * @throws IOException if a file is missing, cannot be read or breaks its format
   */
  public static TextClassifier load(Path modelFolder, Path adapterFolder) throws IOException {
    return load(modelFolder, adapterFolder, WeightFormat.FLOAT32);
  }

  /**
   * Loads a base, held in a format, and what {@link #save} wrote.
   *
   * @param modelFolder as for {@link #load(Path, Path)}
   * @param adapterFolder as for {@link #load(Path, Path)}
   * @param baseFormat the numbers in which the base's weights are held; the answers are those of
   *     the saved classifier if it was trained with the same
   * @return the classifier
   * @throws MismatchException as {@link #load(Path, Path)}
   * @throws IOException as {@link #load(Path, Path)}
   */
  public static TextClassifier load(Path modelFolder, Path adapterFolder, WeightFormat baseFormat)
      throws IOException {
    Adapter adapter = Adapter.read(adapterFolder);
    AdapterFacts facts = new AdapterFacts(adapter.metadata(), adapterFolder);
    List<String> labels = facts.labels();
    Tokenizer tokenizer = Tokenizer.load(modelFolder);
    facts.requireTokenizer(tokenizer.fingerprint(), modelFolder);
    Gpt2 base =
        Gpt2.load(
            modelFolder,
            LoadOptions.DEFAULT
                .withLayout(facts.choice("qkv", QkvLayout.FUSED))
                .withFormat(baseFormat));
    int context = base.config().contextLength();
    int padded = facts.number("padding_length", 0, context, 0);
    int last = base.config().vocabSize() - 1;
    int padToken = facts.number("padding_token", 0, last, last);
    Padding padding = padded == 0 ? Padding.none() : Padding.to(padded, padToken);
    int maxLength = facts.number("max_length", 1, context, context);
    Gpt2Classifier model = base.classifier(facts.choice("head", ClassifierHead.FULL), 0, labels);
    model.freeze();
    adapter.putInto(model);
    return new TextClassifier(model, tokenizer, padding, maxLength, adapter.metadata());
  }

  /** What is saved beside the numbers, so that {@link #load} builds the same classifier. */
  static AdapterMetadata metadata(
      String baseModel,
      List<String> labels,
      Tokenizer tokenizer,
      FinetuneOptions options,
      Padding padding,
      int maxLength) {
    return new AdapterMetadata(
        TaskType.SEQ_CLS,
        baseModel,
        labels,
        Map.of(
            "tokenizer", tokenizer.fingerprint(),
            "qkv", options.layout().name().toLowerCase(Locale.ROOT),
            "base_format", options.baseFormatName(),
            "head", options.head().name().toLowerCase(Locale.ROOT),
            "pooling", "last",
            "padding_length", Integer.toString(padding.length()),
            "padding_token", Integer.toString(padding.tokenId()),
            "max_length", Integer.toString(maxLength)));
  }

  /**
   * Classifies a text.
   *
   * @param text at least one character; cut at the maximum length
   * @return its class and the probabilities of all
   */
  public Classification classify(String text) {
    int[] ids = tokenizer.encode(text);
    if (ids.length == 0) {
      throw new IllegalArgumentException("classify: a text expected, got an empty one");
    }
    int[] cut = ids.length > maxLength ? Arrays.copyOf(ids, maxLength) : ids;
    Tensor logits = model.forward(Sequences.of(padding.apply(cut)), null); // (1, classes)
    return Classification.of(model.labels(), logits.data());
  }

  /**
   * Computes the metrics on labelled texts.
   *
   * @param data with the labels of this classifier
   * @return the metrics
   */
  public Metrics evaluate(TextDataset data) {
    if (!data.labels().equals(model.labels())) {
      throw new IllegalArgumentException(
          "evaluate: the labels %s expected, got %s".formatted(model.labels(), data.labels()));
    }
    return Trainer.evaluate(model, loader(data, EVALUATION_BATCH));
  }

  /** Batches as this classifier takes them. */
  DataLoader loader(TextDataset data, int batchSize) {
    return new DataLoader(data, tokenizer, batchSize).maxLength(maxLength).padding(padding);
  }

  /**
   * Saves the adapter: PEFT's pair of files and our own, with the facts of the receipt in ours.
   *
   * @param folder made if there is none; an adapter in it is replaced
   * @throws IOException if it cannot be written
   */
  public void save(Path folder) throws IOException {
    TrainingReceipt trained = receipt;
    AdapterFile.save(
        model, trained == null ? metadata : metadata.withFacts(trained.facts()), folder);
  }

  /**
   * What the training of this classifier did.
   *
   * @return the receipt, or null for a classifier that was loaded or is not yet trained
   */
  public @Nullable TrainingReceipt receipt() {
    return receipt;
  }

  void setReceipt(TrainingReceipt receipt) {
    this.receipt = receipt;
  }

  /**
   * The names of the classes.
   *
   * @return in the order of the logits
   */
  public List<String> labels() {
    return model.labels();
  }

  /**
   * The model inside.
   *
   * @return the module tree
   */
  public Gpt2Classifier model() {
    return model;
  }
}
