package io.github.lora4j.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.KernelProfile;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Buffers;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Batch;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j bench}: the time of a training step. */
@Command(
    name = "bench",
    description = "Time LoRA training steps on random tokens and print one JSON line.",
    sortOptions = false,
    showDefaultValues = true)
final class BenchCommand implements Callable<Integer> {

  private static final long SEED = 123;

  @Mixin private final ModelOption model = new ModelOption();

  @Mixin private final TaskOption task = new TaskOption();

  @Option(names = "--classes", paramLabel = "N", description = "Classes of the classifier.")
  private int classes = 2;

  @Mixin private final LoraOptions lora = new LoraOptions(16);

  @Option(
      names = "--all-positions",
      description =
          "Compute the classifier's last block, norm and head at every token, as the book's code"
              + " does.")
  private boolean allPositions;

  @Option(names = "--batch", paramLabel = "N", description = "Sequences in a step.")
  private int batch = 8;

  @Option(names = "--tokens", paramLabel = "N", description = "Tokens of a sequence.")
  private int tokens = 120;

  @Option(names = "--steps", paramLabel = "N", description = "Steps that are timed.")
  private int steps = 8;

  @Option(names = "--warmup", paramLabel = "N", description = "Steps before them.")
  private int warmup = 4;

  @Option(
      names = "--breakdown",
      description = "Also print where the time goes: passes, and each kind of kernel call.")
  private boolean breakdown;

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  BenchCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    Require.range("--classes", classes, 2, 1 << 16);
    Require.range("--batch", batch, 1, 1 << 16);
    Require.range("--tokens", tokens, 2, 1 << 20);
    lora.check();
    Require.range("--steps", steps, 1, 1 << 20);
    Require.range("--warmup", warmup, 0, 1 << 20);
    threads.apply();
    Gpt2 base = model.load(lora.layout());
    Require.range("--tokens", tokens, 2, base.config().contextLength());
    int[] ids = random("tokens", batch * tokens, base.config().vocabSize());
    if (task.task() == Task.LM) {
      Gpt2LanguageModel tree = lora.languageModel(base);
      List<int[]> rows = new ArrayList<>();
      for (int i = 0; i < batch; i++) {
        rows.add(Arrays.copyOfRange(ids, i * tokens, (i + 1) * tokens));
      }
      int[] targets = Batch.forLanguageModel(rows).targets();
      measure(tree, ids, (batch, tape) -> tree.loss(batch, targets, Batch.IGNORE_INDEX, tape));
    } else {
      Gpt2Classifier tree = lora.classifier(base, classes);
      int[] labels = random("labels", batch, classes);
      measure(tree, ids, allPositions ? everyToken(tree, labels) : lastTokens(tree, labels));
    }
    return 0;
  }

  private static Loss lastTokens(Gpt2Classifier tree, int[] labels) {
    return (batch, tape) -> tree.loss(batch, labels, Batch.IGNORE_INDEX, tape);
  }

  private static Loss everyToken(Gpt2Classifier tree, int[] labels) {
    return (batch, tape) ->
        tree.scoreEveryToken(batch, tape)
            .gatherRows(batch.lastTokens())
            .crossEntropy(labels, Batch.IGNORE_INDEX);
  }

  private static int[] random(String place, int count, int bound) {
    long key = CounterRandom.key(SEED, CounterRandom.place(place));
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = (int) (CounterRandom.uniform(key, i) * bound);
    }
    return values;
  }

  /** The mean cross-entropy of the batch as the model is benched to compute it. */
  @FunctionalInterface
  private interface Loss {
    Tensor of(Sequences sequences, Tape tape);
  }

  private void measure(SequenceModel tree, int[] ids, Loss loss) throws IOException {
    int[] offsets = new int[batch + 1];
    Arrays.setAll(offsets, i -> i * tokens);
    Sequences sequences = new Sequences(ids, offsets);
    AdamW optimizer = new AdamW(tree.trainedParameters(), 8e-4f, 0.1f);
    Buffers buffers = new Buffers();
    StepTimes times;
    try (KernelProfile profile = breakdown ? ActiveKernels.profile() : null) {
      times = new StepTimes(steps, profile);
      for (int step = -warmup; step < steps; step++) {
        times.begin(step);
        optimizer.zeroGrad();
        Tensor outcome = loss.of(sequences, new Tape(buffers, SEED, 0, step + warmup));
        times.forwardDone();
        outcome.backward();
        times.backwardDone();
        optimizer.step(1);
        times.end();
      }
    }
    times.table().forEach(line -> output.line("%s", line));
    double median = times.median();
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("system", "lora4j " + ActiveKernels.get().description());
      json.writeNumberField("batch", batch);
      json.writeNumberField("tokens", tokens);
      json.writeNumberField("rank", lora.rank());
      json.writeStringField("base_format", model.format().name().toLowerCase(Locale.ROOT));
      json.writeNumberField("trainable_parameters", tree.trainedParameterCount());
      json.writeNumberField("median_step_s", Math.round(median * 1e4) / 1e4);
      json.writeNumberField("min_step_s", Math.round(times.fastest() * 1e4) / 1e4);
      json.writeNumberField("tokens_per_s", Math.round(10 * batch * tokens / median) / 10.0);
      json.writeNumberField("allocated_mib_per_step", times.allocatedMebibytes());
      json.writeNumberField("peak_rss_mib", peakMebibytes());
      json.writeNumberField("threads", Parallel.threads());
      json.writeEndObject();
    }
    output.line("%s", text);
  }

  /** The most memory this process has held, or that of the heap where the system does not tell. */
  private static long peakMebibytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (Files.isReadable(status)) {
      for (String line : Files.readAllLines(status)) {
        if (line.matches("VmHWM:\\s+\\d+ kB")) {
          return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
        }
      }
    }
    return Runtime.getRuntime().totalMemory() >> 20;
  }
}
