package io.github.lora4j.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Labelled texts: examples and the names of their classes. Immutable.
 *
 * <p>A text file is read with {@link #tsv}, {@link #csv} or {@link #jsonl}, or with {@link
 * DatasetOptions} for anything out of the ordinary. A bad row refuses the file unless the options
 * say to skip it; rows without text are left out and counted, and refuse the file if they are more
 * than one in ten.
 */
public final class TextDataset {

  private final String name;
  private final List<Example> examples;
  private final List<String> labels;
  private final ReadReport report;

  /**
   * A data set from examples.
   *
   * @param name what to call it in messages
   * @param examples the examples, in order; may be empty
   * @param labels the names of the classes in the order of their indices, all different
   * @throws IllegalArgumentException if an example's label has no name, or a name stands twice
   */
  public TextDataset(String name, List<Example> examples, List<String> labels) {
    this(name, examples, labels, new ReadReport(examples.size(), 0, List.of(), 0));
  }

  TextDataset(String name, List<Example> examples, List<String> labels, ReadReport report) {
    this.name = name;
    this.examples = List.copyOf(examples);
    this.labels = List.copyOf(labels);
    this.report = report;
    if (new HashSet<>(labels).size() < labels.size()) {
      throw new IllegalArgumentException("dataset: expected different labels, got " + labels);
    }
    for (int i = 0; i < examples.size(); i++) {
      if (examples.get(i).label() >= labels.size()) {
        throw new IllegalArgumentException(
            "dataset: expected labels from 0 to "
                + (labels.size() - 1)
                + ", got "
                + examples.get(i).label()
                + " in example "
                + i);
      }
    }
  }

  /**
   * Reads tab-separated rows: label, text; no header, no quoting.
   *
   * @param file a UTF-8 file
   * @return its examples
   * @throws DatasetFormatException if the file or a row of it is bad
   * @throws IOException if the file cannot be read, is compressed, or exceeds a limit
   */
  public static TextDataset tsv(Path file) throws IOException {
    return read(file, DatasetOptions.tsv());
  }

  /**
   * Reads comma-separated rows under a header that names {@code label} and {@code text}.
   *
   * @param file a UTF-8 file
   * @return its examples
   * @throws DatasetFormatException if the file or a row of it is bad
   * @throws IOException if the file cannot be read, is compressed, or exceeds a limit
   */
  public static TextDataset csv(Path file) throws IOException {
    return read(file, DatasetOptions.csv());
  }

  /**
   * Reads JSON objects with the keys {@code label} and {@code text}, one a line.
   *
   * @param file a UTF-8 file
   * @return its examples
   * @throws DatasetFormatException if the file or a row of it is bad
   * @throws IOException if the file cannot be read, is compressed, or exceeds a limit
   */
  public static TextDataset jsonl(Path file) throws IOException {
    return read(file, DatasetOptions.jsonl());
  }

  /**
   * Reads a file.
   *
   * @param file a UTF-8 file
   * @param options how to read it
   * @return its examples
   * @throws DatasetFormatException if the file or a row of it is bad
   * @throws IOException if the file cannot be read, is compressed, or exceeds a limit
   */
  public static TextDataset read(Path file, DatasetOptions options) throws IOException {
    return InputFiles.readUnchanged(file, in -> read(in, file.toString(), options));
  }

  /**
   * Reads a stream, such as an embedded resource, and does not close it.
   *
   * @param in UTF-8 text
   * @param name what to call the source in messages
   * @param options how to read it
   * @return its examples
   * @throws DatasetFormatException if the text or a row of it is bad
   * @throws IOException if the stream cannot be read, is compressed, or exceeds a limit
   */
  public static TextDataset read(InputStream in, String name, DatasetOptions options)
      throws IOException {
    return new DatasetReader(name, options).read(in);
  }

  /**
   * As many examples of every class as the smallest has, drawn at random; the order of the rows
   * stays.
   *
   * @param seed of the draw
   * @return a smaller data set
   * @throws IllegalArgumentException if a class has no example
   */
  public TextDataset balanced(long seed) {
    int smallest = IntStream.of(countsByLabel()).min().orElse(0);
    if (smallest == 0) {
      throw new IllegalArgumentException(
          "balanced: expected examples of every label, got "
              + IntStream.of(countsByLabel()).boxed().toList()
              + " of "
              + labels
              + " in "
              + name);
    }
    BitSet chosen = new BitSet();
    for (int label = 0; label < labels.size(); label++) {
      int[] rows = shuffledRowsOf(label, seed);
      for (int i = 0; i < smallest; i++) {
        chosen.set(rows[i]);
      }
    }
    return subset(name + " (balanced)", chosen);
  }

  /**
   * Three parts in which every class has its share, drawn at random; the order of the rows stays.
   * What the first two fractions leave is the test set.
   *
   * @param trainFraction of the examples, in (0, 1]
   * @param validationFraction of the examples, in [0, 1); both together at most 1
   * @param seed of the draw
   * @return the parts
   * @throws IllegalArgumentException if a fraction is out of range, or no example is left to train
   *     on
   */
  public Splits split(double trainFraction, double validationFraction, long seed) {
    Fractions fractions = new Fractions(trainFraction, validationFraction);
    BitSet train = new BitSet();
    BitSet validation = new BitSet();
    BitSet test = new BitSet();
    int seen = 0;
    for (int label = 0; label < labels.size(); label++) {
      int[] rows = shuffledRowsOf(label, seed);
      // Rounding the running totals keeps both the classes and the whole within one of their share.
      int inTrain = fractions.train(seen + rows.length) - fractions.train(seen);
      int inValidation = fractions.validation(seen + rows.length) - fractions.validation(seen);
      for (int i = 0; i < rows.length; i++) {
        (i < inTrain ? train : i < inTrain + inValidation ? validation : test).set(rows[i]);
      }
      seen += rows.length;
    }
    if (train.isEmpty()) {
      throw new IllegalArgumentException(
          "split: expected at least one example to train on, got none of " + size());
    }
    return Splits.of(
        subset(name + " (train)", train),
        subset(name + " (validation)", validation),
        subset(name + " (test)", test));
  }

  private int[] shuffledRowsOf(int label, long seed) {
    int[] rows = IntStream.range(0, size()).filter(i -> examples.get(i).label() == label).toArray();
    int[] order = SeededShuffle.order(rows.length, seed, label);
    return IntStream.of(order).map(i -> rows[i]).toArray();
  }

  private TextDataset subset(String newName, BitSet rows) {
    List<Example> chosen = new ArrayList<>();
    rows.stream().forEach(i -> chosen.add(examples.get(i)));
    return new TextDataset(newName, chosen, labels, report);
  }

  /**
   * What to call the data set in messages.
   *
   * @return the file it was read from, or the name it was given
   */
  public String name() {
    return name;
  }

  /**
   * The examples in order.
   *
   * @return an unmodifiable list
   */
  public List<Example> examples() {
    return examples;
  }

  /**
   * The names of the classes in the order of their indices.
   *
   * @return an unmodifiable list
   */
  public List<String> labels() {
    return labels;
  }

  /**
   * The number of examples.
   *
   * @return how many
   */
  public int size() {
    return examples.size();
  }

  /**
   * The number of examples of each class.
   *
   * @return counts in the order of {@link #labels()}
   */
  public int[] countsByLabel() {
    int[] counts = new int[labels.size()];
    for (Example example : examples) {
      counts[example.label()]++;
    }
    return counts;
  }

  /**
   * What happened while the file was read that these examples come from.
   *
   * @return the report
   */
  public ReadReport report() {
    return report;
  }

  /**
   * Identifies the content: labels, texts and their order, whatever the format and name of the
   * file.
   *
   * @return a SHA-256 in 64 hexadecimal digits
   */
  public String fingerprint() {
    Fingerprint digest = new Fingerprint().add(labels.size());
    labels.forEach(digest::add);
    for (Example example : examples) {
      digest.add(example.label()).add(example.text());
    }
    return digest.hex();
  }

  @Override
  public String toString() {
    return name + ": " + size() + " examples of " + labels;
  }
}
