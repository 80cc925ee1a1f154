package io.github.lora4j.cli;

import io.github.lora4j.text.DatasetOptions;
import io.github.lora4j.text.TextDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say where label and text stand in a file. */
final class ColumnOptions {

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description = "The column of the label, by name or by index from 0.")
  private @Nullable String label;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      description = "The column of the text, by name or by index from 0.")
  private @Nullable String text;

  @Option(names = "--no-header", description = "The first row of a .csv is data.")
  private boolean noHeader;

  /** Reads a file with the labels that it holds. */
  TextDataset read(Path file) throws IOException {
    return TextDataset.read(file, options(file));
  }

  /** Reads a file that may hold these labels and no others. */
  TextDataset read(Path file, List<String> labels) throws IOException {
    return TextDataset.read(file, options(file).withLabels(labels));
  }

  private DatasetOptions options(Path file) {
    DatasetOptions options = DatasetOptions.forFile(file);
    if (noHeader) {
      options = options.withHeader(false);
    }
    return options.withColumns(
        label != null ? label : options.labelColumn(), text != null ? text : options.textColumn());
  }
}
