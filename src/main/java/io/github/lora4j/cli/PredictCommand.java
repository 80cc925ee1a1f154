package io.github.lora4j.cli;

import io.github.lora4j.Classification;
import io.github.lora4j.TextClassifier;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code lora4j predict}: the class of each text. */
@Command(
    name = "predict",
    description = "Print label, probability and text, separated by tabs, for each text.",
    sortOptions = false)
final class PredictCommand implements Callable<Integer> {

  @Mixin private final ClassifierOptions classifier = new ClassifierOptions();

  @Parameters(
      paramLabel = "TEXT",
      arity = "0..*",
      description = "Texts (default: the lines of the standard input).")
  private List<String> texts = new ArrayList<>();

  @Mixin private final ThreadsOption threads = new ThreadsOption();

  private final Output output;
  private final BufferedReader in;

  PredictCommand(Output output, BufferedReader in) {
    this.output = output;
    this.in = in;
  }

  @Override
  public Integer call() throws IOException {
    threads.apply();
    TextClassifier loaded = classifier.load();
    if (!texts.isEmpty()) {
      texts.forEach(text -> predict(loaded, text));
      return 0;
    }
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (!line.isBlank()) {
        predict(loaded, line);
      }
    }
    return 0;
  }

  private void predict(TextClassifier loaded, String text) {
    Classification answer = loaded.classify(text);
    output.line(
        "%s\t%.4f\t%s", answer.label(), answer.probability(), text.replaceAll("[\\t\\r\\n]+", " "));
  }
}
