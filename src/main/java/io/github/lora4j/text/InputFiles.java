package io.github.lora4j.text;

import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Opens and reads files under a limit, and only files: a directory or a pipe is refused at once.
 */
final class InputFiles {

  private InputFiles() {}

  static InputStream open(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "no such file");
    }
    if (!Files.isRegularFile(path)) {
      String kind = Files.isDirectory(path) ? "a folder" : "neither file nor folder";
      throw new FileSystemException(path.toString(), null, "expected a regular file, got " + kind);
    }
    return Files.newInputStream(path);
  }

  /** All bytes of a file; reads nothing if its size is over the limit. */
  static byte[] readAll(Path path, int limit, String code) throws IOException {
    try (InputStream in = open(path)) {
      long size = Files.size(path);
      if (size > limit) {
        throw tooLarge(path.toString(), size + " bytes", limit, code);
      }
      return readAll(in, path.toString(), limit, code);
    }
  }

  static byte[] readAll(InputStream in, String name, int limit, String code) throws IOException {
    byte[] bytes = in.readNBytes(limit);
    if (bytes.length == limit && in.read() >= 0) {
      throw tooLarge(name, "more", limit, code);
    }
    return bytes;
  }

  /** Makes something of the bytes of a file. */
  @FunctionalInterface
  interface Reading<T> {
    T read(InputStream in) throws IOException;
  }

  /** Reads a file and makes sure that nobody wrote to it meanwhile. */
  static <T> T readUnchanged(Path path, Reading<T> reading) throws IOException {
    try (InputStream in = open(path)) {
      String before = state(path);
      T result = reading.read(in);
      String after = state(path);
      if (!after.equals(before)) {
        throw new DatasetFormatException(
            "CS-21",
            path.toString(),
            "",
            "expected a file that rests while it is read, got a change from "
                + before
                + " to "
                + after);
      }
      return result;
    }
  }

  private static String state(Path path) throws IOException {
    return Files.size(path) + " bytes of " + Files.getLastModifiedTime(path);
  }

  private static LimitExceededException tooLarge(String name, String size, int limit, String code) {
    return new LimitExceededException(
        code, name, "", "expected at most " + limit + " bytes, got " + size);
  }
}
