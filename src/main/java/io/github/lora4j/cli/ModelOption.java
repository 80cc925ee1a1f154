package io.github.lora4j.cli;

import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.WeightFormat;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/** The options that name the base model and say how it is held. */
final class ModelOption {

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "Folder with config.json, model.safetensors, vocab.json and merges.txt (default: the embedded model).")
  private @Nullable Path model;

  @Option(
      names = "--base-dtype",
      paramLabel = "f32|bf16",
      description =
          "How the frozen weights are held: f32, exact, or bf16 in half the memory, each rounded to 8"
              + " bits of precision (default: f32).",
      showDefaultValue = Visibility.NEVER)
  private BaseType baseType = BaseType.F32;

  /** The folder that was asked for, or null for the embedded model. */
  @Nullable Path asked() {
    return model;
  }

  /** The folder to load from. */
  Path folder() throws IOException {
    return model == null ? EmbeddedModel.folder() : model;
  }

  /** The numbers in which the base's weights are held. */
  WeightFormat format() {
    return baseType.format();
  }

  /** Reads the base. */
  Gpt2 load(QkvLayout layout) throws IOException {
    return Gpt2.load(folder(), LoadOptions.DEFAULT.withLayout(layout).withFormat(format()));
  }
}
