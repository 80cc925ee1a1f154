package io.github.lora4j.cli;

import io.github.lora4j.error.FormatException;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import org.jspecify.annotations.Nullable;

/** What a failure means to whoever started the command: an exit code and one line. */
final class ExitCodes {

  static final int BUG = 1;
  static final int USAGE = 2;
  static final int BAD_FILE = 3;
  static final int MISMATCH = 4;
  static final int INPUT_OUTPUT = 5;
  static final int NON_FINITE = 7;
  static final int MEMORY = 9;
  static final int RECEIPT = 10;

  private ExitCodes() {}

  static int of(@Nullable Throwable failure) {
    if (failure instanceof UncheckedIOException) {
      return of(failure.getCause());
    }
    if (failure instanceof FormatException || failure instanceof UnsupportedFeatureException) {
      return BAD_FILE;
    }
    if (failure instanceof MismatchException) {
      return MISMATCH;
    }
    if (failure instanceof IOException) {
      return INPUT_OUTPUT;
    }
    if (failure instanceof NonFiniteException) {
      return NON_FINITE;
    }
    if (failure instanceof OutOfMemoryError) {
      return MEMORY;
    }
    return failure instanceof IllegalArgumentException ? USAGE : BUG;
  }

  /** The failure on one line, without a stack trace. */
  static String message(Throwable failure) {
    if (failure instanceof UncheckedIOException && failure.getCause() != null) {
      return message(failure.getCause());
    }
    String message = failure.getMessage() == null ? "" : failure.getMessage();
    if (failure instanceof FileSystemException e && e.getReason() == null) {
      message = e.getFile() + ": " + reason(e);
    } else if (failure instanceof OutOfMemoryError) {
      message =
          "out of memory: more than the %d MiB of -Xmx needed (choose a larger -Xmx or a smaller batch)"
              .formatted(Runtime.getRuntime().maxMemory() >> 20);
    } else if (of(failure) == BUG) {
      message = "this is a fault of lora4j itself, please report it: " + failure;
    }
    return message.replaceAll("\\p{Cntrl}+", " ").strip();
  }

  private static String reason(FileSystemException e) {
    if (e instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    if (e instanceof AccessDeniedException) {
      return "access denied";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "a folder expected, got a file";
    }
    return e instanceof NotDirectoryException ? "not a folder" : e.getClass().getSimpleName();
  }
}
