package io.github.lora4j.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The small GPT-2 in the jar, copied to a temporary folder that is deleted when the process ends.
 */
final class EmbeddedModel {

  private static final String NAME = "lora4j-embedded";
  private static final List<String> FILES =
      List.of("config.json", "model.safetensors", "vocab.json", "merges.txt");

  private static @Nullable Path folder;

  private EmbeddedModel() {}

  static boolean exists() {
    return EmbeddedModel.class.getResource("model/model.safetensors") != null;
  }

  /** The folder with the model's files; made at the first call. */
  static synchronized Path folder() throws IOException {
    Path made = folder;
    if (made == null) {
      if (!exists()) {
        throw new IllegalArgumentException(
            "--model: the folder of a model expected, this build has no model embedded");
      }
      Path parent = Files.createTempDirectory("lora4j-");
      made = parent.resolve(NAME);
      Path model = made;
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(model)));
      Files.createDirectory(model);
      for (String file : FILES) {
        try (InputStream in = EmbeddedModel.class.getResourceAsStream("model/" + file)) {
          if (in == null) {
            throw new IllegalStateException("no embedded " + file);
          }
          Files.copy(in, model.resolve(file));
        }
      }
      folder = model;
    }
    return made;
  }

  private static void delete(Path model) {
    try {
      for (String file : FILES) {
        Files.deleteIfExists(model.resolve(file));
      }
      Files.deleteIfExists(model);
      Path parent = model.getParent();
      if (parent != null) {
        Files.deleteIfExists(parent);
      }
    } catch (IOException e) {
      // The process ends and nobody is left to be told; the system clears its temporary folder.
    }
  }
}
