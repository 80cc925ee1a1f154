package io.github.lora4j.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Checks a folder to be written before anything is computed. */
final class OutputFolder {

  private OutputFolder() {}

  /** Requires a folder that is not there or empty, and can be written. */
  static void requireNew(Path folder) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new IllegalArgumentException("--out: a folder expected, got the file " + folder);
    }
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        if (files.findAny().isPresent()) {
          throw new IllegalArgumentException(
              "--out: a new or empty folder expected, got %s with files in it".formatted(folder));
        }
      }
    }
    Path existing = folder.toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    if (existing == null || !Files.isWritable(existing)) {
      throw new AccessDeniedException(folder.toString(), null, "the folder cannot be written");
    }
  }
}
