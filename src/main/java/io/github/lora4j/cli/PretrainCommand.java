package io.github.lora4j.cli;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Config;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.text.BatchSource;
import io.github.lora4j.text.CorpusLoader;
import io.github.lora4j.text.CorpusSplits;
import io.github.lora4j.text.TextCorpus;
import io.github.lora4j.text.Tokenizer;
import io.github.lora4j.train.AdamW;
import io.github.lora4j.train.LearningRate;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.MetricsFile;
import io.github.lora4j.train.Trainer;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j pretrain}: a new language model from plain text. */
@Command(
    name = "pretrain",
    description =
        "Train a new GPT-2 on plain text, every parameter of it, and write a model folder.",
    sortOptions = false,
    showDefaultValues = true)
final class PretrainCommand implements Callable<Integer> {

  private static final double TRAIN_SHARE = 0.99;

  @Option(
      names = "--text",
      required = true,
      showDefaultValue = Visibility.NEVER,
      arity = "1..*",
      paramLabel = "FILE",
      description = "UTF-8 text; blank lines separate documents.")
  private List<Path> texts = new ArrayList<>();

  @Option(
      names = "--config",
      required = true,
      showDefaultValue = Visibility.NEVER,
      paramLabel = "FILE",
      description = "The sizes of the model, a config.json of GPT-2's.")
  private Path configFile = Path.of("");

  @Option(
      names = "--out",
      required = true,
      showDefaultValue = Visibility.NEVER,
      paramLabel = "DIR",
      description = "The folder of the new model; new or empty.")
  private Path out = Path.of("");

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      description = "The folder of vocab.json and merges.txt (default: that of the config file).")
  private @Nullable Path tokenizerFolder;

  @Mixin private final TrainingOptions training = new TrainingOptions(1, 16, 1e-3);

  @Option(names = "--steps", paramLabel = "N", description = "Stop after so many steps.")
  private @Nullable Long steps;

  @Option(
      names = "--minutes",
      paramLabel = "X",
      description =
          "Stop after so many minutes. The learning rate then falls by the clock if that is ahead of the steps.")
  private @Nullable Double minutes;

  @Option(
      names = "--length",
      paramLabel = "N",
      description = "Tokens in a piece (default: what the model takes).")
  private @Nullable Integer length;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Steps in which the rate rises; then it falls along a cosine to a tenth.")
  private long warmup = 200;

  @Option(names = "--clip", paramLabel = "X", description = "The largest norm of the gradients.")
  private double clip = 1.0;

  @Option(
      names = "--qkv",
      paramLabel = "split|fused",
      description = "fused or split while training; the files are the same.")
  private QkvLayout qkv = QkvLayout.FUSED;

  @Option(names = "--dtype", paramLabel = "F16|F32", description = "F16 or F32 in the file.")
  private DType dtype = DType.F16;

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  PretrainCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    checkOptions();
    threads.apply();
    Gpt2Config config = Gpt2Config.read(configFile);
    int pieceLength = length == null ? config.contextLength() : length;
    Require.range("--length", pieceLength, 2, config.contextLength());
    OutputFolder.requireNew(out);
    Path tokenizerSource =
        tokenizerFolder != null ? tokenizerFolder : configFile.toAbsolutePath().getParent();
    if (tokenizerSource == null) {
      throw new IllegalArgumentException("--config: a file expected, got " + configFile);
    }
    Tokenizer tokenizer = Tokenizer.load(tokenizerSource);
    if (tokenizer.vocabularySize() > config.vocabSize()) {
      throw new MismatchException(
          "MX-13",
          tokenizerSource.toString(),
          "vocab.json",
          "a vocabulary of at most the %d tokens of %s expected, got %d"
              .formatted(config.vocabSize(), configFile, tokenizer.vocabularySize()));
    }
    CorpusSplits corpus = read(tokenizer, pieceLength);
    output.line("train       %s", corpus.train());
    output.line("validation  %s", corpus.validation());

    Gpt2 base = Gpt2.initialize(config, qkv, training.seed());
    MetricsFile metrics = train(base.languageModel(), corpus);
    Files.createDirectories(out);
    base.save(out, dtype);
    for (String file : List.of("vocab.json", "merges.txt")) {
      Files.copy(
          tokenizerSource.resolve(file), out.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
    metrics.write(out);
    output.line("written to %s", out);
    return 0;
  }

  private void checkOptions() {
    training.check();
    Require.atLeast("--warmup", warmup, 0);
    Require.positive("--clip", clip);
    if (steps != null) {
      Require.atLeast("--steps", steps, 1);
    }
    if (minutes != null) {
      Require.positive("--minutes", minutes);
    }
    if (dtype != DType.F16 && dtype != DType.F32) {
      throw new IllegalArgumentException("--dtype: F16 or F32 expected, got " + dtype);
    }
  }

  /** The last hundredth of each text is for validation. */
  private CorpusSplits read(Tokenizer tokenizer, int pieceLength) throws IOException {
    List<CorpusSplits> parts = new ArrayList<>();
    for (Path text : texts) {
      parts.add(
          TextCorpus.read(text, tokenizer, TextCorpus.Documents.BLANK_LINES, pieceLength)
              .split(TRAIN_SHARE, 1 - TRAIN_SHARE));
    }
    return new CorpusSplits(
        TextCorpus.join(parts.stream().map(CorpusSplits::train).toList()),
        TextCorpus.join(parts.stream().map(CorpusSplits::validation).toList()),
        TextCorpus.join(parts.stream().map(CorpusSplits::test).toList()));
  }

  private MetricsFile train(Gpt2LanguageModel model, CorpusSplits corpus) {
    BatchSource batches =
        new CorpusLoader(corpus.train(), training.batchSize()).shuffled(training.seed());
    BatchSource validation = new CorpusLoader(corpus.validation(), training.batchSize());
    long planned = (long) training.epochs() * batches.batchesPerEpoch();
    long total = steps == null ? planned : Math.min(steps, planned);
    Metrics before = Trainer.evaluate(model, validation);
    output.line(
        "%,d parameters, %,d steps planned, validation loss %.4f before",
        model.parameterCount(), total, before.loss());

    Deadline deadline = minutes == null ? Deadline.none() : Deadline.in(60 * minutes);
    LearningRate rate =
        deadline.warmupCosine(training.learningRate(), Math.min(warmup, total / 2), total);
    AdamW optimizer = new AdamW(model.trainedParameters(), rate, training.weightDecay());
    Trainer trainer =
        new Trainer(model, optimizer)
            .clipping(clip)
            .seed(training.seed())
            .stoppingAfter(total)
            .evaluatingEvery(500);
    TrainingResult result;
    try (TrainingProgress progress = new TrainingProgress(output, total, 50)) {
      result =
          trainer.listener(progress).fit(deadline.limit(batches), validation, training.epochs());
    }
    Metrics after = trainer.evaluate(validation);
    output.line(
        "%,d steps, %,d tokens in %.0f s (%,.0f tokens/s), validation loss %.4f, perplexity %.1f",
        result.steps(),
        result.tokens(),
        result.seconds(),
        result.tokensPerSecond(),
        after.loss(),
        after.perplexity());
    return new MetricsFile(
            model.trainedParameterCount(), model.parameterCount(), training.seed(), result)
        .part("validation_before", before)
        .part("validation", after);
  }
}
