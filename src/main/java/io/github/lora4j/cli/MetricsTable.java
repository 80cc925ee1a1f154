package io.github.lora4j.cli;

import io.github.lora4j.train.Metrics;
import java.util.Locale;

/** Prints metrics one part a line. */
final class MetricsTable {

  private final Output output;
  private final boolean classes;

  MetricsTable(Output output, boolean classes) {
    this.output = output;
    this.classes = classes;
    output.line(
        "%-16s %9s %9s %9s %10s",
        "", classes ? "texts" : "tokens", "loss", "accuracy", classes ? "macro F1" : "perplexity");
  }

  /** Prints a line; a part without data is left out. */
  void row(String name, Metrics metrics, String remark) {
    if (metrics.targets() > 0) {
      output.line(
          "%-16s %,9d %9.4f %7.2f %% %10s%s",
          name,
          metrics.targets(),
          metrics.loss(),
          100 * metrics.accuracy(),
          String.format(Locale.ROOT, "%.4f", classes ? metrics.macroF1() : metrics.perplexity()),
          remark.isEmpty() ? "" : "  " + remark);
    }
  }
}
