package io.github.lora4j.text;

import io.github.lora4j.error.Excerpt;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the rows of one file into a data set, and keeps count of those it leaves out. */
final class DatasetReader {

  private static final Logger LOG = LoggerFactory.getLogger(DatasetReader.class);
  private static final int MAX_PLACES = 10;

  private final String name;
  private final DatasetOptions options;
  private final LabelIndex labels;
  private final List<String> rowLabels = new ArrayList<>();
  private final List<String> texts = new ArrayList<>();
  private final List<String> skippedPlaces = new ArrayList<>();
  private final List<String> uselessPlaces = new ArrayList<>();
  private int rows;
  private int useless;
  private int skipped;
  private int damaged;

  DatasetReader(String name, DatasetOptions options) {
    this.name = name;
    this.options = options;
    this.labels = new LabelIndex(options.labels());
  }

  TextDataset read(InputStream in) throws IOException {
    boolean jsonl = options.format() == DatasetOptions.Format.JSONL;
    LineReader lines =
        new LineReader(in, name, options.limits().rowLength(), jsonl ? "JL-12" : "CS-07");
    Row.Source source =
        jsonl ? new JsonlRows(lines, name, options) : new DelimitedRows(lines, name, options);
    for (Row row = source.next(); row != null; row = source.next()) {
      add(row);
    }
    return dataset();
  }

  private void add(Row row) throws IOException {
    rows++;
    DatasetFormatException fault = row.fault();
    String label = row.label().strip();
    if (fault == null && row.text().isBlank()) {
      useless++;
      if (uselessPlaces.size() < MAX_PLACES) {
        uselessPlaces.add("line " + row.line());
      }
      skip("line " + row.line() + ": CS-14, no text");
      return;
    }
    if (fault == null && !labels.accept(label)) {
      fault =
          new DatasetFormatException(
              "CS-15",
              name,
              "line " + row.line(),
              "expected " + labels.expected() + ", got label \"" + Excerpt.of(label) + '"');
    }
    if (fault == null) {
      String text = Utf8.withoutLoneSurrogates(row.text());
      damaged += text.indexOf('\uFFFD') >= 0 ? 1 : 0;
      rowLabels.add(label);
      texts.add(text);
    } else if (options.badRows() == DatasetOptions.BadRows.SKIP) {
      skip(fault.location() + ": " + fault.code());
    } else {
      throw fault;
    }
  }

  private void skip(String place) {
    skipped++;
    if (skippedPlaces.size() < MAX_PLACES) {
      skippedPlaces.add(place);
    }
  }

  private TextDataset dataset() throws IOException {
    if (10L * useless > rows) {
      throw new DatasetFormatException(
          "CS-14",
          name,
          String.join(", ", uselessPlaces),
          "expected text in at least nine rows of ten, got none in "
              + useless
              + " of "
              + rows
              + " rows (wrong column?)");
    }
    if (texts.isEmpty()) {
      throw new DatasetFormatException(
          "CS-01",
          name,
          "",
          "expected rows of data, got 0 rows"
              + (skipped == 0 ? "" : " that can be used and " + skipped + " that cannot"));
    }
    int[] indices = labels.indices(rowLabels);
    List<Example> examples = new ArrayList<>(indices.length);
    for (int i = 0; i < indices.length; i++) {
      examples.add(new Example(texts.get(i), indices[i]));
    }
    ReadReport report = new ReadReport(rows, skipped, skippedPlaces, damaged);
    TextDataset dataset = new TextDataset(name, examples, labels.labels(), report);
    warn(report, dataset);
    return dataset;
  }

  private void warn(ReadReport report, TextDataset dataset) {
    if (skipped > 0) {
      LOG.warn(
          "{}: {} of {} rows skipped, the first: {}", name, skipped, rows, report.firstSkipped());
    }
    if (damaged > 0) {
      LOG.warn("{}: {} texts hold U+FFFD, the sign of a damaged conversion", name, damaged);
    }
    int[] counts = dataset.countsByLabel();
    for (int label = 0; label < counts.length; label++) {
      if (counts[label] == dataset.size()) {
        LOG.warn(
            "{}: all {} rows have the label {}; there is nothing to tell apart [CS-16]",
            name,
            dataset.size(),
            Excerpt.of(dataset.labels().get(label)));
      }
    }
  }
}
