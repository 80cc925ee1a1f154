package io.github.lora4j.cli;

import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.lora.AdapterContents;
import io.github.lora4j.nn.Module;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code lora4j inspect}: the module tree of a model and how many numbers of it train, or what is
 * in an adapter.
 */
@Command(
    name = "inspect",
    description =
        "Print the module tree of a model and count its parameters; without --rank there is no LoRA in it."
            + " With --adapter print what is in an adapter, and with --model too the tree with it.",
    sortOptions = false,
    showDefaultValues = true)
final class InspectCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "A classifier with so many classes (default: the language model).")
  private @Nullable Integer classes;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "What train, PEFT or mlx-lm wrote.")
  private @Nullable Path adapter;

  @Mixin private final LoraOptions lora = new LoraOptions(null);

  private final Output output;

  InspectCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    if (classes != null) {
      Require.range("--classes", classes, 2, 1 << 16);
    }
    lora.check();
    if (adapter != null) {
      return inspect(adapter);
    }
    Gpt2 base = model.load(lora.layout());
    print(classes == null ? lora.languageModel(base) : lora.classifier(base, classes));
    return 0;
  }

  private int inspect(Path folder) throws IOException {
    if (classes != null || lora.rank() > 0) {
      throw new IllegalArgumentException(
          "--adapter: neither --classes nor --rank expected beside it, the adapter says both");
    }
    new AdapterSummary(output).print(AdapterContents.read(folder));
    if (model.asked() != null) {
      AdaptedModel adapted = AdaptedModel.prepare(model, folder);
      adapted.load();
      output.line("");
      print(adapted.model());
    }
    return 0;
  }

  private void print(Module tree) {
    output.line("%s", tree);
    output.line("total parameters      %,15d", tree.parameterCount());
    output.line("trainable parameters  %,15d", tree.trainedParameterCount());
  }
}
