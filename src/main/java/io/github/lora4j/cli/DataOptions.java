package io.github.lora4j.cli;

import io.github.lora4j.text.DatasetOptions;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextDataset;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where data comes from and how it is split. */
final class DataOptions {

  private static final String EMBEDDED = "messages.tsv";

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Labelled texts to be split: .tsv (label, text), .csv (with a header) or .jsonl; plain text for --task lm (default: the embedded messages).")
  private @Nullable Path data;

  @Option(names = "--train", paramLabel = "FILE", description = "Instead of --data: to learn from.")
  private @Nullable Path train;

  @Option(names = "--validation", paramLabel = "FILE", description = "With --train: to watch with.")
  private @Nullable Path validation;

  @Option(names = "--test", paramLabel = "FILE", description = "With --train: to judge by.")
  private @Nullable Path test;

  @Option(
      names = "--split",
      paramLabel = "TRAIN,VALIDATION",
      split = ",",
      description =
          "Shares of --data, the rest is the test (default: 0.7,0.1 for a file, 0.6,0.1 for the embedded messages).")
  private @Nullable List<Double> split;

  @Option(
      names = "--balance",
      description = "Take as many texts of every class of --data as the smallest has.")
  private boolean balance;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description = "The column of the label, by name or by index from 0.")
  private @Nullable String labelColumn;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      description = "The column of the text, by name or by index from 0.")
  private @Nullable String textColumn;

  @Option(names = "--no-header", description = "The first row of a .csv is data.")
  private boolean noHeader;

  /** Checks that the options go together. */
  void check() {
    if (data != null && (train != null || validation != null || test != null)) {
      throw new IllegalArgumentException(
          "--data: either --data or --train, --validation and --test expected, got both");
    }
    if (train == null ? validation != null || test != null : validation == null || test == null) {
      throw new IllegalArgumentException(
          "--train: all three of --train, --validation and --test expected, got only some");
    }
    if (split != null && split.size() != 2) {
      throw new IllegalArgumentException(
          "--split: two shares such as 0.7,0.1 expected, got " + split);
    }
  }

  /** The three parts. */
  Splits read(long seed) throws IOException {
    if (train != null && validation != null && test != null) {
      TextDataset learned = read(train, List.of());
      return Splits.of(learned, read(validation, learned.labels()), read(test, learned.labels()));
    }
    TextDataset all = data == null ? embedded() : read(data, List.of());
    TextDataset chosen = balance ? all.balanced(seed) : all;
    return chosen.split(trainShare(), validationShare(), seed);
  }

  double trainShare() {
    return split != null ? split.get(0) : data == null ? 0.6 : 0.7;
  }

  double validationShare() {
    return split != null ? split.get(1) : 0.1;
  }

  /** One labelled file, with these labels unless they are empty. */
  TextDataset read(Path file, List<String> labels) throws IOException {
    DatasetOptions options = DatasetOptions.forFile(file);
    if (noHeader) {
      options = options.withHeader(false);
    }
    if (labelColumn != null || textColumn != null) {
      options =
          options.withColumns(
              labelColumn != null ? labelColumn : options.labelColumn(),
              textColumn != null ? textColumn : options.textColumn());
    }
    return TextDataset.read(file, labels.isEmpty() ? options : options.withLabels(labels));
  }

  static TextDataset embedded() throws IOException {
    try (InputStream in = DataOptions.class.getResourceAsStream("data/" + EMBEDDED)) {
      if (in == null) {
        throw new IllegalStateException("no embedded " + EMBEDDED);
      }
      return TextDataset.read(in, EMBEDDED, DatasetOptions.tsv());
    }
  }

  @Nullable Path dataFile() {
    return data;
  }

  @Nullable Path trainFile() {
    return train;
  }

  @Nullable Path validationFile() {
    return validation;
  }

  @Nullable Path testFile() {
    return test;
  }
}
