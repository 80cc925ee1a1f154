package io.github.lora4j.cli;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
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
    if (folder.toString().isEmpty()) {
      throw new IllegalArgumentException("--out: a folder expected, got an empty path");
    }
    Deque<Path> missing = new ArrayDeque<>();
    Path existing = folder.toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      missing.push(existing);
      existing = existing.getParent();
    }
    if (existing != null && !Files.isDirectory(existing)) {
      throw new IllegalArgumentException("--out: a folder expected, got the file " + existing);
    }
    tryToWrite(folder, missing);
  }

  /**
   * Makes the missing folders and a file, and removes them again: permissions alone do not tell,
   * for the administrator has them all, and disks can be full or read-only.
   */
  private static void tryToWrite(Path folder, Deque<Path> missing) throws IOException {
    Deque<Path> made = new ArrayDeque<>();
    try {
      for (Path each : missing) {
        Files.createDirectory(each);
        made.push(each);
      }
      made.push(Files.createTempFile(folder, ".tmp-", ""));
    } catch (IOException e) {
      throw new FileSystemException(
          folder.toString(), null, "a folder to write in expected, got " + ExitCodes.message(e));
    } finally {
      for (Path each : made) {
        try {
          Files.deleteIfExists(each);
        } catch (DirectoryNotEmptyException e) {
          // Another run has put something there in the meantime.
        }
      }
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
