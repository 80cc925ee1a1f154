package io.github.lora4j.cli;

import io.github.lora4j.FinetuneOptions;
import io.github.lora4j.FinetuningRun;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraInit;
import io.github.lora4j.lora.Targets;
import io.github.lora4j.text.Splits;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.MetricsFile;
import io.github.lora4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j train}: LoRA finetuning of a classifier or a language model. */
@Command(
    name = "train",
    description = "Finetune GPT-2 with LoRA and save the adapter.",
    sortOptions = false,
    showDefaultValues = true)
final class TrainCommand implements Callable<Integer> {

  enum Task {
    CLASSIFY,
    LM
  }

  enum Recipe {
    DEFAULT,
    BOOK
  }

  @Mixin private final ModelOption model = new ModelOption();
  @Mixin private final DataOptions data = new DataOptions();

  @Option(names = "--task", description = "classify: one class for a text; lm: the next token.")
  private Task task = Task.CLASSIFY;

  @Option(
      names = "--recipe",
      description =
          "book: --qkv split --targets all --head lora --pad longest --init book, unless given.")
  private Recipe recipe = Recipe.DEFAULT;

  @Option(
      names = "--qkv",
      description = "Query, key and value as one Linear (fused) or three (split).")
  private QkvLayout qkv = QkvLayout.SPLIT;

  @Option(names = "--rank", paramLabel = "N", description = "The inner size of the branches.")
  private int rank = 16;

  @Option(names = "--alpha", paramLabel = "X", description = "Branches are scaled by alpha / rank.")
  private double alpha = 16;

  @Option(
      names = "--targets",
      defaultValue = "all",
      converter = TargetsConverter.class,
      description = TargetsConverter.DESCRIPTION)
  private Targets targets = Targets.all();

  @Option(
      names = "--init",
      description = "How A starts: +-1/sqrt(in) (peft, the default) or +-1/sqrt(rank) (book).")
  private @Nullable LoraInit init;

  @Option(names = "--head", description = "The classifier's head: under LoRA, or trained in full.")
  private ClassifierHead head = ClassifierHead.LORA;

  @Option(names = "--lora-dropout", paramLabel = "P", description = "Dropout on the branches.")
  private double dropout = 0;

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the training data.")
  private int epochs = 5;

  @Option(names = "--batch-size", paramLabel = "N", description = "Examples in a step.")
  private int batchSize = 8;

  @Option(names = "--learning-rate", paramLabel = "X", description = "AdamW's rate.")
  private double learningRate = 8e-4;

  @Option(names = "--weight-decay", paramLabel = "X", description = "AdamW's decoupled decay.")
  private double weightDecay = 0.1;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description =
          "Cut texts after so many tokens; pieces of this length for lm (default: what the model takes).")
  private @Nullable Integer maxLength;

  @Option(
      names = "--pad",
      paramLabel = "none|longest|N",
      converter = PaddingConverter.class,
      description = "Pad texts to the longest of the training data or to N tokens (default: none).")
  private @Nullable Integer pad;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Decides head, branches, order and split.")
  private long seed = LoraConfig.DEFAULT_SEED;

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where the adapter and metrics.json go (default: runs/<next number>).")
  private @Nullable Path out;

  @Option(names = "--overwrite", description = "Replace the run that is in the folder of --out.")
  private boolean overwrite;

  private final Output output;

  TrainCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    FinetuneOptions options = options();
    data.check();
    threads.apply();
    Path folder = out == null ? OutputFolder.nextRun() : out;
    OutputFolder.requireForRun(folder, overwrite, model.asked());
    if (task == Task.LM) {
      new LanguageModelTraining(output, data, options).run(model.folder(), folder);
    } else {
      classify(options, folder);
    }
    return 0;
  }

  private FinetuneOptions options() {
    Require.range("--rank", rank, 1, LoraConfig.MAX_RANK);
    Require.positive("--alpha", alpha);
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException(
          "--lora-dropout: a number in [0, 1) expected, got " + dropout);
    }
    Require.atLeast("--epochs", epochs, 1);
    Require.range("--batch-size", batchSize, 1, 1 << 16);
    Require.positive("--learning-rate", learningRate);
    Require.notNegative("--weight-decay", weightDecay);
    if (maxLength != null) {
      Require.range("--max-length", maxLength, 1, 1 << 20);
    }
    boolean book = recipe == Recipe.BOOK;
    LoraInit start = init != null ? init : book ? LoraInit.BOOK : LoraInit.PEFT;
    int padding = pad != null ? pad : book ? FinetuneOptions.LONGEST : FinetuneOptions.NO_PADDING;
    return new FinetuneOptions(
        new LoraConfig(rank, (float) alpha, (float) dropout, start, seed, targets),
        qkv,
        head,
        padding,
        maxLength == null ? 0 : maxLength,
        epochs,
        batchSize,
        (float) learningRate,
        (float) weightDecay,
        seed);
  }

  private void classify(FinetuneOptions options, Path folder) throws IOException {
    Splits splits = data.read(seed);
    output.line(
        "data      %s: %,d to train, %,d to validate, %,d to test",
        String.join(", ", splits.train().labels()),
        splits.train().size(),
        splits.validation().size(),
        splits.test().size());
    FinetuningRun run = FinetuningRun.prepare(model.folder(), splits, options);
    output.line("model     %s", run.report());
    output.line("kernels   %s, %d threads", ActiveKernels.get().description(), Parallel.threads());
    Metrics before = run.evaluateTest();

    TrainingResult result;
    try (TrainingProgress progress =
        new TrainingProgress(output, run.plannedSteps(), Long.MAX_VALUE)) {
      result = run.train(progress);
    }
    Metrics train = run.evaluateTrain();
    Metrics validation = run.evaluateValidation();
    Metrics test = run.evaluateTest();

    output.line(
        "training  %,d steps in %.1f s, %,.0f tokens/s%n",
        result.steps(), result.seconds(), result.tokensPerSecond());
    MetricsTable table = new MetricsTable(output, true);
    table.row("untrained, test", before, "");
    table.row("train", train, "");
    table.row("validation", validation, "");
    int leaked = splits.leakedTestExamples();
    table.row("test", test, leaked == 0 ? "" : "(%d of them also in train)".formatted(leaked));
    run.classifier().save(folder);
    new MetricsFile(run.report().trainedParameters(), run.report().totalParameters(), seed, result)
        .part("untrained", before)
        .part("train", train)
        .part("validation", validation)
        .part("test", test)
        .write(folder);
    output.line("%nadapter and metrics.json are in %s", folder);
  }
}
