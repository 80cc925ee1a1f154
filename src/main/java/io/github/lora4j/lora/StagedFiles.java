package io.github.lora4j.lora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Files of one folder that are replaced together: all are written to temporary siblings before the
 * first is moved into place, and what was not moved is removed.
 */
final class StagedFiles implements AutoCloseable {

  private final Path folder;
  private final Map<Path, Path> staged = new LinkedHashMap<>();

  StagedFiles(Path folder) {
    this.folder = folder;
  }

  /** Where to write the file of a name. */
  Path stage(String name) {
    Path temporary = folder.resolve(name + ".tmp");
    staged.put(temporary, folder.resolve(name));
    return temporary;
  }

  /** Moves all files into place, in the order of {@link #stage}. */
  void commit() throws IOException {
    for (Map.Entry<Path, Path> entry : staged.entrySet()) {
      Files.move(entry.getKey(), entry.getValue(), StandardCopyOption.ATOMIC_MOVE);
    }
  }

  @Override
  public void close() throws IOException {
    for (Path temporary : staged.keySet()) {
      if (Files.isRegularFile(temporary)) {
        Files.delete(temporary);
      }
    }
  }
}
