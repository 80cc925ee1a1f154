package io.github.lora4j.safetensors;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * Files of one folder that appear under their names complete and flushed to the disk, or not at
 * all.
 *
 * <p>Each is written to a temporary sibling. {@link #commit} moves all of them into place, one
 * atomic rename after the other, once the last is written; {@link #close} removes what was not
 * moved. So whatever fails while files are written leaves the folder as it was. A process that dies
 * between two renames leaves new files beside old ones: who writes files that belong together lets
 * one of them hold the hashes of the others, and has it {@link #moveFirst moved first}.
 *
 * <pre>{@code
 * try (StagedFiles files = new StagedFiles(folder)) {
 *   files.write("weights.bin", weights::writeTo);
 *   files.write("sizes.json", out -> out.write(json));
 *   files.commit();
 * }
 * }</pre>
 *
 * <p>This is the one place of the library that puts files on the disk. Not safe for use by several
 * threads; several instances may write to one folder.
 */
public final class StagedFiles implements AutoCloseable {

  private final Path folder;

  /** The temporary files that are not moved yet, by the names they are for. */
  private final Map<String, Path> staged = new LinkedHashMap<>();

  private final Deque<Path> obsolete = new ArrayDeque<>();

  /** Puts the bytes of a file into a stream. */
  @FunctionalInterface
  public interface Content {

    /**
     * Writes all of the file.
     *
     * @param out takes the bytes as they come: write large blocks; not to be closed
     * @throws IOException if the stream throws it
     */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Starts without files.
   *
   * @param folder an existing folder
   */
  public StagedFiles(Path folder) {
    this.folder = folder;
  }

  /**
   * Writes one file; an older file of the name is replaced.
   *
   * @param file its path, in an existing folder
   * @param content its bytes
   * @throws IOException if it cannot be written; an older file is then as it was
   */
  public static void replace(Path file, Content content) throws IOException {
    Path name = file.getFileName();
    if (name == null) {
      throw new IllegalArgumentException("write: a file's path expected, got " + file);
    }
    try (StagedFiles files = new StagedFiles(file.resolveSibling(""))) {
      files.write(name.toString(), content);
      files.commit();
    }
  }

  /**
   * Writes a file beside its place and flushes it to the disk. A folder or a device such as {@code
   * /dev/null} is never replaced.
   *
   * @param name the file's name in the folder, not written before
   * @param content its bytes
   * @throws IOException if it cannot be written
   */
  public void write(String name, Content content) throws IOException {
    Path file = requireFileOrNothing(name);
    // No killed process can have left this name: process ids come again, in containers always.
    Path temporary = folder.resolve("." + name + ".tmp-" + UUID.randomUUID());
    try {
      // A new file gets the rights that the user's umask gives, unlike those of createTempFile.
      Files.createFile(temporary);
      staged.put(name, temporary);
      try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
        content.writeTo(out);
        out.getFD().sync();
      }
    } catch (IOException e) {
      throw notWritten(file, temporary, e);
    }
  }

  private Path requireFileOrNothing(String name) throws FileSystemException {
    Path file = folder.resolve(name);
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new FileSystemException(
          file.toString(), null, "a file or nothing expected, got a folder or a device");
    }
    return file;
  }

  /**
   * Has an older file removed once all new ones are in place.
   *
   * @param name its name in the folder; nothing is done if there is none
   * @throws IOException if a folder or a device has that name
   */
  public void remove(String name) throws IOException {
    obsolete.add(requireFileOrNothing(name));
  }

  /**
   * Has a file moved before all others. With the one that holds the hashes of the others in place
   * first, no mixture of new and old files goes unseen.
   *
   * @param name a file that was written
   */
  public void moveFirst(String name) {
    Path first = staged.remove(name);
    if (first == null) {
      throw new IllegalArgumentException("write: a file that was written expected, got " + name);
    }
    Map<String, Path> others = new LinkedHashMap<>(staged);
    staged.clear();
    staged.put(name, first);
    staged.putAll(others);
  }

  /**
   * Moves all files into place, in the order in which they were written but for {@link #moveFirst}.
   * Older files are replaced. Then removes what is to be {@link #remove removed}.
   *
   * @throws IOException if one cannot be moved or removed
   */
  public void commit() throws IOException {
    boolean isGoingOn = true;
    while (isGoingOn) {
      isGoingOn = commitNext();
    }
  }

  /**
   * Takes the next step of {@link #commit}: after each the folder is as a process would leave it
   * that dies there.
   *
   * @return whether there was one
   * @throws IOException if the file cannot be moved or removed
   */
  public boolean commitNext() throws IOException {
    if (staged.isEmpty()) {
      Path old = obsolete.poll();
      if (old != null) {
        Files.deleteIfExists(old);
      }
      return old != null;
    }
    Map.Entry<String, Path> next = staged.entrySet().iterator().next();
    Path file = folder.resolve(next.getKey());
    Path temporary = next.getValue();
    try {
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw notWritten(file, temporary, e);
    }
    staged.remove(next.getKey());
    return true;
  }

  /**
   * Removes the temporary files of what was not committed.
   *
   * @throws IOException if one cannot be removed
   */
  @Override
  public void close() throws IOException {
    for (Path temporary : staged.values()) {
      Files.deleteIfExists(temporary);
    }
    staged.clear();
  }

  /** The failure in the words of who asked for the file: its own path, not the temporary one. */
  private IOException notWritten(Path file, Path temporary, IOException cause) {
    FileSystemException failure =
        new FileSystemException(
            file.toString(),
            null,
            "room and permission to write this file expected, got " + reason(temporary, cause));
    failure.initCause(cause);
    return failure;
  }

  private String reason(Path temporary, IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return "no such folder";
    }
    if (cause instanceof AccessDeniedException) {
      return "access denied";
    }
    if (cause instanceof FileSystemException e && e.getReason() != null) {
      return e.getReason();
    }
    try {
      return "%s (%d bytes are free, the file has got %d and needs more)"
          .formatted(
              cause.getMessage(),
              Files.getFileStore(folder).getUsableSpace(),
              Files.size(temporary));
    } catch (IOException unknown) {
      return String.valueOf(cause.getMessage());
    }
  }
}
