package io.github.lora4j.cli;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.lora.AdapterFacts;
import io.github.lora4j.lora.LinearWithLoRA;
import io.github.lora4j.lora.Merge;
import io.github.lora4j.lora.Probe;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j merge}: a whole model with an adapter in its weights. */
@Command(
    name = "merge",
    description = {
      "Add an adapter to the weights of its base and write the whole model with its tokenizer, as"
          + " transformers and others read it.",
      "Base, adapted model and the folder that was written are asked the same: how far their logits"
          + " are apart is what the adapter does and what rounding costs."
    },
    sortOptions = false)
final class MergeCommand implements Callable<Integer> {

  enum Numbers {
    F32(DType.F32),
    F16(DType.F16),
    BF16(DType.BF16);

    private final DType dtype;

    Numbers(DType dtype) {
      this.dtype = dtype;
    }
  }

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "What train, PEFT or mlx-lm wrote.")
  private Path adapter = Path.of("");

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Where the model goes: a new folder.")
  private Path out = Path.of("");

  @Option(
      names = "--dtype",
      paramLabel = "f32|f16|bf16",
      description = "The numbers in the file (default: f32).")
  private Numbers numbers = Numbers.F32;

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  MergeCommand(Output output) {
    this.output = output;
  }

  /** What is left of the models once the folder is written, so that they need not stay. */
  private record Written(int weights, Probe base, Probe adapted, boolean isClassifier) {}

  @Override
  public Integer call() throws IOException {
    threads.apply();
    OutputFolder.requireNew(out);
    Written written = write();
    SequenceModel merged =
        written.isClassifier()
            ? Gpt2Classifier.load(out, LoadOptions.DEFAULT)
            : Gpt2.load(out).languageModel();
    output.line("%-34s %d", "merged weights", written.weights());
    output.line("%-34s %.3e", "change of logits by the adapter", written.base().difference(merged));
    output.line("%-34s %.3e", "change of logits by rounding", written.adapted().difference(merged));
    output.line("model in %s", out);
    return 0;
  }

  private Written write() throws IOException {
    AdaptedModel adapted = AdaptedModel.prepare(model, adapter);
    Probe ofBase = Probe.of(adapted.model());
    adapted.load();
    Probe ofAdapted = Probe.of(adapted.model());
    int weights = merge(adapted.model());
    Path tokenizer = model.folder();
    boolean isClassifier = adapted.model() instanceof Gpt2Classifier;
    if (adapted.model() instanceof Gpt2Classifier classifier) {
      classifier.save(out, numbers.dtype, tokenizer);
    } else {
      ((Gpt2LanguageModel) adapted.model()).save(out, numbers.dtype, tokenizer);
    }
    notePadding(adapted);
    return new Written(weights, ofBase, ofAdapted, isClassifier);
  }

  /** How many weights; none where only a head was trained, and the model is whole as it is. */
  private static int merge(SequenceModel model) {
    boolean hasBranches =
        model.namedModules().values().stream().anyMatch(LinearWithLoRA.class::isInstance);
    return hasBranches ? Merge.into(model).paths().size() : 0; // not kept: it holds the old ones
  }

  /** Who uses the folder must know: with padding that is attended the scores are others. */
  private void notePadding(AdaptedModel adapted) {
    if (new AdapterFacts(adapted.metadata(), adapter).isPadded()) {
      output.note(
          "the adapter was trained on texts padded to %s tokens, which the files of a model do not"
              + " say",
          Excerpt.of(adapted.metadata().facts().getOrDefault("padding_length", "")));
    }
  }
}
