package io.github.lora4j.cli;

import io.github.lora4j.TextClassifier;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that name a finetuned classifier: its base and its adapter. */
final class ClassifierOptions {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "What train or PEFT wrote.")
  private Path adapter = Path.of("");

  TextClassifier load() throws IOException {
    return TextClassifier.load(model.folder(), adapter, model.format());
  }
}
