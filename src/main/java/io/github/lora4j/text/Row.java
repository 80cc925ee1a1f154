package io.github.lora4j.text;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * One row of a data file: its label and text as they stand there, or why it cannot be used.
 *
 * @param line the line it starts in, from 1
 */
record Row(int line, String label, String text, @Nullable DatasetFormatException fault) {

  static Row bad(int line, DatasetFormatException fault) {
    return new Row(line, "", "", fault);
  }

  /** Rows in the order of their file. Throws what makes the whole file unusable. */
  @FunctionalInterface
  interface Source {
    /** The next row; null at the end. */
    @Nullable Row next() throws IOException;
  }
}
