package io.github.lora4j;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraReport;
import io.github.lora4j.lora.Targets;
import io.github.lora4j.text.DataLoader;
import io.github.lora4j.text.Padding;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.AdamW;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.ReceiptKeeper;
import io.github.lora4j.train.Trainer;
import io.github.lora4j.train.TrainingListener;
import io.github.lora4j.train.TrainingReceipt;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The finetuning of a classifier, step by step: prepared, then trained, looked at before and after.
 */
public final class FinetuningRun {

  /** Pads in the published vocabulary; a smaller one pads with its last token. */
  private static final int END_OF_TEXT = 50256;

  private static final String HEAD = "score";

  private final FinetuneOptions options;
  private final TextClassifier classifier;
  private final LoraReport report;
  private final DataLoader train;
  private final DataLoader validation;
  private final DataLoader test;

  private FinetuningRun(
      Splits data, FinetuneOptions options, TextClassifier classifier, LoraReport report) {
    this.options = options;
    this.classifier = classifier;
    this.report = report;
    this.train = classifier.loader(data.train(), options.batchSize());
    this.validation = classifier.loader(data.validation(), options.batchSize());
    this.test = classifier.loader(data.test(), options.batchSize());
  }

  /**
   * Loads a base, freezes it and puts the branches in.
   *
   * @param modelFolder the base with its tokenizer
   * @param data texts to learn from, and to watch the training with
   * @param options how
   * @return the run, nothing trained yet
   * @throws IllegalArgumentException if the options do not fit the model
   * @throws IOException if the base cannot be read
   */
  public static FinetuningRun prepare(Path modelFolder, Splits data, FinetuneOptions options)
      throws IOException {
    Tokenizer tokenizer = Tokenizer.load(modelFolder);
    Gpt2 base = Gpt2.load(modelFolder, options.loadOptions());
    int context = base.config().contextLength();
    if (Math.max(options.maxLength(), options.padding()) > context) {
      throw new IllegalArgumentException(
          "finetune: texts of at most the %d tokens that the model takes expected, got a length of %d"
              .formatted(context, Math.max(options.maxLength(), options.padding())));
    }
    int maxLength = options.maxLength() == 0 ? context : options.maxLength();
    Padding padding =
        switch (options.padding()) {
          case FinetuneOptions.NO_PADDING -> Padding.none();
          case FinetuneOptions.LONGEST ->
              Padding.to(
                  new DataLoader(data.train(), tokenizer, 1).maxLength(maxLength).longestSequence(),
                  Math.min(END_OF_TEXT, base.config().vocabSize() - 1));
          default ->
              Padding.to(options.padding(), Math.min(END_OF_TEXT, base.config().vocabSize() - 1));
        };
    Gpt2Classifier model = base.classifier(options.head(), options.seed(), data.train().labels());
    model.freeze();
    LoraReport report = adapt(model, options.lora(), options.head());
    TextClassifier classifier =
        new TextClassifier(
            model,
            tokenizer,
            padding,
            maxLength,
            TextClassifier.metadata(
                modelFolder.toAbsolutePath().getFileName().toString(),
                data.train().labels(),
                tokenizer,
                options,
                padding,
                maxLength));
    return new FinetuningRun(data, options, classifier, report);
  }

  /**
   * Puts branches into a frozen classifier where the targets say, and lets its head be trained
   * whatever the targets say: through a branch of its own, or in full.
   *
   * @param model a classifier, all of it frozen; modified
   * @param lora the branches
   * @param head how the head is trained
   * @return what was replaced
   */
  public static LoraReport adapt(Gpt2Classifier model, LoraConfig lora, ClassifierHead head) {
    List<String> adapted = new ArrayList<>();
    if (head == ClassifierHead.LORA) {
      adapted.addAll(Lora.apply(model, lora).adapted());
      adapted.addAll(Lora.apply(model, lora.withTargets(Targets.named(HEAD))).adapted());
    } else {
      adapted.addAll(Lora.apply(model, lora.withTargets(withoutHead(lora.targets()))).adapted());
      model
          .namedParameters()
          .forEach(
              (name, parameter) -> {
                if (name.startsWith(HEAD + ".")) {
                  parameter.setTrained(true);
                }
              });
    }
    return new LoraReport(adapted, model.trainedParameterCount(), model.parameterCount());
  }

  private static Targets withoutHead(Targets asked) {
    List<String> excluded = new ArrayList<>(asked.excluded());
    excluded.add(HEAD);
    return new Targets(asked.names(), asked.pattern(), asked.layers(), excluded);
  }

  /**
   * Trains, and looks at the whole model before and after for the {@link #receipt}.
   *
   * @param listeners are told of steps and evaluations
   * @return what was done
   * @throws io.github.lora4j.error.NonFiniteException if training diverges
   */
  public TrainingResult train(TrainingListener... listeners) {
    AdamW optimizer =
        new AdamW(
            classifier.model().trainedParameters(), options.learningRate(), options.weightDecay());
    Trainer trainer = new Trainer(classifier.model(), optimizer).seed(options.seed());
    for (TrainingListener listener : listeners) {
      trainer.listener(listener);
    }
    ReceiptKeeper keeper =
        new ReceiptKeeper(
            classifier.model(), options.seed(), train.fingerprint(), evaluateValidation());
    TrainingResult result = trainer.fit(batches(), validation, options.epochs());
    classifier.setReceipt(keeper.after(result, result.lastMetrics()));
    return result;
  }

  /**
   * What the last training did to the model, with its metrics on the texts that training is watched
   * with.
   *
   * @return the receipt
   * @throws IllegalStateException before {@link #train}
   */
  public TrainingReceipt receipt() {
    TrainingReceipt receipt = classifier.receipt();
    if (receipt == null) {
      throw new IllegalStateException("receipt: a run that was trained expected, got a new one");
    }
    return receipt;
  }

  private DataLoader batches() {
    DataLoader batches = train.shuffled(options.seed());
    return train.size() < options.batchSize() ? batches : batches.droppingLast();
  }

  /**
   * The classifier's metrics, as it is now, on the texts it learns from.
   *
   * @return the metrics
   */
  public Metrics evaluateTrain() {
    return Trainer.evaluate(classifier.model(), train);
  }

  /**
   * The classifier's metrics, as it is now, on the texts that training is watched with.
   *
   * @return the metrics
   */
  public Metrics evaluateValidation() {
    return Trainer.evaluate(classifier.model(), validation);
  }

  /**
   * The classifier's metrics, as it is now, on the texts it is judged by.
   *
   * @return the metrics
   */
  public Metrics evaluateTest() {
    return Trainer.evaluate(classifier.model(), test);
  }

  /**
   * The steps of the whole training.
   *
   * @return how many
   */
  public long plannedSteps() {
    return (long) options.epochs() * batches().batchesPerEpoch();
  }

  /**
   * What was adapted, and how much of the model is trained.
   *
   * @return the report
   */
  public LoraReport report() {
    return report;
  }

  /**
   * The classifier of this run; training changes it.
   *
   * @return always the same
   */
  public TextClassifier classifier() {
    return classifier;
  }
}
