package io.github.lora4j.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Checks a folder to be written before anything is computed. */
final class OutputFolder {

  /** What a finished run leaves; its presence says that a folder is ours. */
  private static final String MANIFEST = "lora4j.json";

  private OutputFolder() {}

  /** Requires a folder that is not there or empty, and can be written. */
  static void requireNew(Path folder) throws IOException {
    requireWritable(folder);
    if (!isEmpty(folder)) {
      throw new IllegalArgumentException(
          "--out: a new or empty folder expected, got %s with files in it".formatted(folder));
    }
  }

  /**
   * Requires a folder that a run may write: new, empty, or the result of an earlier run that is to
   * be overwritten, and not the model.
   */
  static void requireForRun(Path folder, boolean overwrite, @Nullable Path model)
      throws IOException {
    if (model != null && Files.exists(folder) && Files.isSameFile(folder, model)) {
      throw new IllegalArgumentException(
          "--out: another folder than that of the model expected, got " + folder);
    }
    requireWritable(folder);
    if (isEmpty(folder)) {
      return;
    }
    if (!overwrite) {
      throw new IllegalArgumentException(
          "--out: a new or empty folder expected, got %s with files in it (choose another, or --overwrite)"
              .formatted(folder));
    }
    if (!Files.exists(folder.resolve(MANIFEST))) {
      throw new IllegalArgumentException(
          "--overwrite: the folder of an earlier run expected, got %s without %s; nothing was changed"
              .formatted(folder, MANIFEST));
    }
  }

  private static boolean isEmpty(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return true;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static void requireWritable(Path folder) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new IllegalArgumentException("--out: a folder expected, got the file " + folder);
    }
    Path existing = folder.toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    if (existing == null || !Files.isWritable(existing)) {
      throw new AccessDeniedException(folder.toString(), null, "a folder to write in expected");
    }
  }

  /** {@code runs/1}, or the number after the highest that is there. */
  static Path nextRun() throws IOException {
    Path runs = Path.of("runs");
    int highest = 0;
    if (Files.isDirectory(runs)) {
      try (Stream<Path> files = Files.list(runs)) {
        highest =
            files
                .map(run -> run.getFileName().toString())
                .filter(name -> name.matches("[1-9]\\d{0,8}"))
                .mapToInt(Integer::parseInt)
                .max()
                .orElse(0);
      }
    }
    return runs.resolve(Integer.toString(highest + 1));
  }
}
