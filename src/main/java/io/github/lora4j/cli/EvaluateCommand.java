package io.github.lora4j.cli;

import io.github.lora4j.TextClassifier;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.train.Metrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lora4j evaluate}: the metrics of a finetuned classifier on a file. */
@Command(
    name = "evaluate",
    description = "Evaluate a finetuned classifier on labelled texts.",
    sortOptions = false)
final class EvaluateCommand implements Callable<Integer> {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      showDefaultValue = Visibility.NEVER,
      description = "What train wrote.")
  private Path adapter = Path.of("");

  @Mixin private final DataOptions data = new DataOptions();

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;

  EvaluateCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    data.check();
    threads.apply();
    @Nullable Path file = data.dataFile();
    if (file == null && data.testFile() != null) {
      throw new IllegalArgumentException("--data: the file to evaluate expected, got --test");
    }
    TextClassifier classifier = TextClassifier.load(model.folder(), adapter);
    TextDataset texts =
        file == null ? DataOptions.embedded() : data.read(file, classifier.labels());
    Metrics metrics = classifier.evaluate(texts);
    new MetricsTable(output, true).row(texts.name(), metrics, "");
    List<String> labels = classifier.labels();
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
