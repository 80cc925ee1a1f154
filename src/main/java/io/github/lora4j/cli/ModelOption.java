package io.github.lora4j.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that names the base model. */
final class ModelOption {

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "Folder with config.json, model.safetensors, vocab.json and merges.txt (default: the embedded model).")
  private @Nullable Path model;

  /** The folder that was asked for, or null for the embedded model. */
  @Nullable Path asked() {
    return model;
  }

  /** The folder to load from. */
  Path folder() throws IOException {
    return model == null ? EmbeddedModel.folder() : model;
  }
}
