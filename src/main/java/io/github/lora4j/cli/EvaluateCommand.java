package io.github.lora4j.cli;

import io.github.lora4j.TextClassifier;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.train.Metrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j evaluate}: the metrics of a finetuned classifier on a file. */
@Command(
    name = "evaluate",
    description = "Evaluate a finetuned classifier on labelled texts.",
    sortOptions = false)
final class EvaluateCommand implements Callable<Integer> {

  @Mixin private final ClassifierOptions classifier = new ClassifierOptions();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Labelled texts: .tsv (label, text), .csv (with a header) or .jsonl (default: the embedded"
              + " messages that train does not see).")
  private @Nullable Path data;

  @Mixin private final ColumnOptions columns = new ColumnOptions();

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  EvaluateCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    threads.apply();
    TextClassifier loaded = classifier.load();
    List<String> labels = loaded.labels();
    TextDataset texts = data == null ? EmbeddedMessages.test() : columns.read(data, labels);
    if (!texts.labels().equals(labels)) {
      throw new MismatchException(
          "CL-22",
          texts.name(),
          "",
          "texts of the adapter's classes %s expected, got %s (name a file with --data)"
              .formatted(labels, texts.labels()));
    }
    Metrics metrics = loaded.evaluate(texts);
    new MetricsTable(output, true).row(texts.name(), metrics, "");
    for (int i = 0; i < labels.size(); i++) {
      StringBuilder row = new StringBuilder(labels.get(i)).append(" taken for");
      for (int j = 0; j < labels.size(); j++) {
        row.append(j == 0 ? " " : ", ").append(labels.get(j)).append(' ');
        row.append(metrics.confusion()[i][j]);
      }
      output.line("%s", row);
    }
    return 0;
  }
}
