package io.github.lora4j.cli;

import java.io.PrintWriter;
import java.util.Locale;

/**
 * Where a command prints.
 *
 * @param out results
 * @param err progress and errors
 * @param terminal whether a person watches, so that progress may be redrawn in place
 */
record Output(PrintWriter out, PrintWriter err, boolean terminal) {

  /** Prints a line of results, formatted as by {@link String#format}. */
  void line(String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
    out.flush();
  }

  /** Prints a line that is no result, such as progress. */
  void note(String format, Object... values) {
    err.println(String.format(Locale.ROOT, format, values));
    err.flush();
  }
}
