package io.github.lora4j.cli;

import io.github.lora4j.text.CorpusSplits;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextCorpus;
import io.github.lora4j.text.TextDataset;
import io.github.lora4j.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say where the data of a training comes from and how it is split. */
final class DataOptions {

  private static final double TRAIN_SHARE = 0.7;
  private static final double VALIDATION_SHARE = 0.1;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Labelled texts to be split: .tsv (label, text), .csv (with a header) or .jsonl; plain"
              + " text for --task lm (default: the embedded messages).")
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
      hideParamSyntax = true,
      description = "Shares of --data, the rest is the test (default: 0.7,0.1).")
  private @Nullable List<Double> split;

  @Option(
      names = "--balance",
      description = "Take as many texts of every class of --data as the smallest has.")
  private boolean balance;

  @Mixin private final ColumnOptions columns = new ColumnOptions();

  /** Three parts, each in a file of its own. */
  private record Parts(Path train, Path validation, Path test) {}

  /** Checks that the options go together. */
  void check() {
    @Nullable Parts parts = parts();
    if (parts != null && data != null) {
      throw new IllegalArgumentException(
          "--data: either --data or --train, --validation and --test expected, got both");
    }
    if (parts != null && (split != null || balance)) {
      throw new IllegalArgumentException(
          "%s: --data expected, got --train, --validation and --test, which are taken as they are"
              .formatted(balance ? "--balance" : "--split"));
    }
    if (parts == null && data == null && (split != null || balance)) {
      throw new IllegalArgumentException(
          "%s: --data expected, got none; the embedded messages are taken as they are"
              .formatted(balance ? "--balance" : "--split"));
    }
    if (split != null && (split.size() != 2 || !areShares(split.get(0), split.get(1)))) {
      throw new IllegalArgumentException(
          "--split: two shares such as 0.7,0.1, at most 1 together, expected, got " + split);
    }
  }

  /** The rule of {@link TextDataset#split}; 0.9 and 0.1 are 1 together, whatever they add up to. */
  private static boolean areShares(double train, double validation) {
    return train > 0 && validation >= 0 && train + validation < 1 + 1e-9;
  }

  private @Nullable Parts parts() {
    if (train == null && validation == null && test == null) {
      return null;
    }
    if (train == null || validation == null || test == null) {
      throw new IllegalArgumentException(
          "--train: all three of --train, --validation and --test expected, got only some");
    }
    return new Parts(train, validation, test);
  }

  /** Reads labelled texts. */
  Splits read(long seed) throws IOException {
    Parts parts = parts();
    if (parts != null) {
      TextDataset learned = columns.read(parts.train());
      List<String> labels = learned.labels();
      return Splits.of(
          learned, columns.read(parts.validation(), labels), columns.read(parts.test(), labels));
    }
    if (data == null) {
      return EmbeddedMessages.splits();
    }
    TextDataset all = columns.read(data);
    return (balance ? all.balanced(seed) : all).split(trainShare(), validationShare(), seed);
  }

  /** Reads plain text in pieces of so many tokens. */
  CorpusSplits readText(Tokenizer tokenizer, int length) throws IOException {
    if (balance) {
      throw new IllegalArgumentException("--balance: labelled texts expected, got --task lm");
    }
    Parts parts = parts();
    if (parts != null) {
      return new CorpusSplits(
          readText(parts.train(), tokenizer, length),
          readText(parts.validation(), tokenizer, length),
          readText(parts.test(), tokenizer, length));
    }
    if (data == null) {
      throw new IllegalArgumentException(
          "--data: a file of plain text expected for --task lm, got none (or --train, --validation"
              + " and --test)");
    }
    return readText(data, tokenizer, length).split(trainShare(), validationShare());
  }

  private static TextCorpus readText(Path file, Tokenizer tokenizer, int length)
      throws IOException {
    return TextCorpus.read(file, tokenizer, TextCorpus.Documents.ONE, length);
  }

  private double trainShare() {
    return split != null ? split.get(0) : TRAIN_SHARE;
  }

  private double validationShare() {
    return split != null ? split.get(1) : VALIDATION_SHARE;
  }
}
