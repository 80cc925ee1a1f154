package io.github.lora4j.cli;

import io.github.lora4j.FinetuneOptions;
import io.github.lora4j.FinetuningRun;
import io.github.lora4j.gpt2.Gpt2Config;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.lora.LoraInit;
import io.github.lora4j.text.Splits;
import io.github.lora4j.train.Metrics;
import io.github.lora4j.train.MetricsFile;
import io.github.lora4j.train.ReceiptFile;
import io.github.lora4j.train.TrainingReceipt;
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
    description = {
      "Finetune GPT-2 with LoRA and save the adapter, with a receipt of what training did to the"
          + " model.",
      "The exit code is 10 if a trained tensor did not move, or a frozen one did."
    },
    sortOptions = false,
    showDefaultValues = true)
final class TrainCommand implements Callable<Integer> {

  enum Recipe {
    DEFAULT,
    BOOK
  }

  @Mixin private final ModelOption model = new ModelOption();
  @Mixin private final DataOptions data = new DataOptions();

  @Mixin private final TaskOption task = new TaskOption();

  @Option(
      names = "--recipe",
      paramLabel = "default|book",
      description =
          "book: --qkv split --targets all --head lora --pad longest --init book, unless given.")
  private Recipe recipe = Recipe.DEFAULT;

  @Mixin private final LoraOptions lora = new LoraOptions(16);

  @Option(
      names = "--init",
      paramLabel = "peft|book|gaussian|orthogonal|pissa",
      description =
          "How A starts: uniform in +-1/sqrt(in) (peft, the default) or +-1/sqrt(rank) (book), normal"
              + " with deviation 1/rank (gaussian); or A and B: orthogonal, or PiSSA.")
  private @Nullable LoraInit init;

  @Option(names = "--lora-dropout", paramLabel = "P", description = "Dropout on the branches.")
  private double dropout = 0;

  @Mixin private final TrainingOptions training = new TrainingOptions(5, 8, 8e-4);

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

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where the adapter, metrics.json and receipt.json go (default: runs/<next number>).")
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
    checkLengths(options);
    TrainingReceipt receipt =
        task.task() == Task.LM
            ? new LanguageModelTraining(output, data, options).run(model.folder(), folder)
            : classify(options, folder);
    ReceiptFile.write(receipt, folder);
    output.line("%nadapter, metrics.json and receipt.json are in %s", folder);
    return receipt.holds() ? 0 : ExitCodes.RECEIPT;
  }

  /** Compares the lengths with what the model takes before all of it and the data are read. */
  private void checkLengths(FinetuneOptions options) throws IOException {
    int context = Gpt2Config.read(model.folder().resolve(Gpt2Config.FILE_NAME)).contextLength();
    int smallest = task.task() == Task.LM ? 2 : 1;
    int length = options.maxLength() == 0 ? context : options.maxLength();
    Require.range("--max-length", length, smallest, context);
    if (options.padding() != FinetuneOptions.LONGEST) {
      Require.range("--pad", options.padding(), 0, length);
    }
  }

  private FinetuneOptions options() {
    boolean book = recipe == Recipe.BOOK;
    LoraInit start = init != null ? init : book ? LoraInit.BOOK : LoraInit.PEFT;
    lora.check(start);
    training.check();
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException(
          "--lora-dropout: a number in [0, 1) expected, got " + dropout);
    }
    if (maxLength != null) {
      Require.atLeast("--max-length", maxLength, 1);
    }
    if (task.task() == Task.LM && pad != null && pad != FinetuneOptions.NO_PADDING) {
      throw new IllegalArgumentException(
          "--pad: none expected for --task lm, whose pieces have one length, got another");
    }
    int padding = pad != null ? pad : book ? FinetuneOptions.LONGEST : FinetuneOptions.NO_PADDING;
    return new FinetuneOptions(
        lora.branches().withDropout((float) dropout).withInit(start).withSeed(training.seed()),
        lora.layout(),
        model.format(),
        lora.head(),
        padding,
        maxLength == null ? 0 : maxLength,
        training.epochs(),
        training.batchSize(),
        training.learningRate(),
        training.weightDecay(),
        training.seed());
  }

  private TrainingReceipt classify(FinetuneOptions options, Path folder) throws IOException {
    Splits splits = data.read(training.seed());
    output.line(
        "data      %s: %,d to train, %,d to validate, %,d to test",
        String.join(", ", splits.train().labels()),
        splits.train().size(),
        splits.validation().size(),
        splits.test().size());
    FinetuningRun run = FinetuningRun.prepare(model.folder(), splits, options);
    output.line("model     %s", run.report());
    output.line("base      frozen weights in %s", options.baseFormatName());
    output.line("kernels   %s, %d threads", ActiveKernels.get().description(), Parallel.threads());
    Metrics before = run.evaluateTest();

    TrainingResult result;
    try (TrainingProgress progress =
        new TrainingProgress(output, run.plannedSteps(), Long.MAX_VALUE)) {
      result = run.train(progress);
    }
    Metrics train = run.evaluateTrain();
    Metrics validation = run.receipt().after();
    Metrics test = run.evaluateTest();

    TrainingSummary.print(output, result, run.receipt());
    MetricsTable table = new MetricsTable(output, true);
    table.row("untrained, test", before, "");
    table.row("train", train, "");
    table.row("validation", validation, "");
    int leaked = splits.leakedTestExamples();
    table.row("test", test, leaked == 0 ? "" : "(%d of them also in train)".formatted(leaked));
    run.classifier().save(folder);
    new MetricsFile(
            run.report().trainedParameters(),
            run.report().totalParameters(),
            training.seed(),
            result)
        .part("untrained", before)
        .part("train", train)
        .part("validation", validation)
        .part("test", test)
        .write(folder);
    return run.receipt();
  }
}
