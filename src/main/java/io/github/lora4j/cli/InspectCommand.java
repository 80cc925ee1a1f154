package io.github.lora4j.cli;

import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.nn.Module;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j inspect}: the module tree of a model and how many numbers of it train. */
@Command(
    name = "inspect",
    description =
        "Print the module tree of a model and count its parameters; without --rank there is no LoRA in it.",
    sortOptions = false,
    showDefaultValues = true)
final class InspectCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "A classifier with so many classes (default: the language model).")
  private @Nullable Integer classes;

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
    Gpt2 base = model.load(lora.layout());
    Module tree = classes == null ? lora.languageModel(base) : lora.classifier(base, classes);
    output.line("%s", tree);
    output.line("total parameters      %,15d", tree.parameterCount());
    output.line("trainable parameters  %,15d", tree.trainedParameterCount());
    return 0;
  }
}
