package io.github.lora4j.text;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;

/**
 * How a file of labelled texts is read. Start from {@link #tsv()}, {@link #csv()} or {@link
 * #jsonl()} and change what differs.
 *
 * <p>Columns are given by name or by index from 0, both as text. A name is looked up in the header,
 * first exactly, then ignoring case; digits that are no name are an index. Without a header, {@code
 * "label"} and {@code "text"} are the first and the second column. In JSONL they are the names of
 * the keys.
 *
 * <p>Labels, where none are given, are found: if the first is a non-negative integer all must be,
 * and they are ordered as numbers, otherwise as text; so {@code ham} and {@code spam} become 0 and
 * 1 whatever the order of the rows. Where labels are given, a number in the file stands for the
 * label of that index unless a label has this very name.
 *
 * @param format the kind of file
 * @param delimiter what separates the columns of a row; not used by JSONL
 * @param header whether the first row names the columns; not used by JSONL
 * @param quoting whether a field may stand in quotation marks; not used by JSONL
 * @param labelColumn the column or key of the label
 * @param textColumn the column or key of the text
 * @param labels the names of the labels in the order of their indices; empty to find them
 * @param badRows what to do with a row that cannot be used
 * @param limits how long fields and rows may be
 */
public record DatasetOptions(
    Format format,
    char delimiter,
    boolean header,
    boolean quoting,
    String labelColumn,
    String textColumn,
    List<String> labels,
    BadRows badRows,
    Limits limits) {

  /** The kind of file. */
  public enum Format {
    /** Rows of fields with a delimiter between. */
    DELIMITED,
    /** One JSON object a line. */
    JSONL
  }

  /**
   * What to do with a row that cannot be used. Rows without text are skipped and counted in any
   * case.
   */
  public enum BadRows {
    /** Refuse the file. */
    FAIL,
    /** Leave the row out, count it and say so once. */
    SKIP
  }

  /**
   * Limits that keep a damaged file from filling the memory.
   *
   * @param fieldLength the longest field in characters, at least 1
   * @param rowLength the longest row in bytes, at least 1
   * @param columns the most columns, at least 1
   */
  public record Limits(int fieldLength, int rowLength, int columns) {

    /** 1 MiB for a field, 4 MiB for a row, 1,000 columns. */
    public static final Limits DEFAULT = new Limits(1 << 20, 4 << 20, 1_000);

    /** Checks the ranges. */
    public Limits {
      if (fieldLength < 1 || rowLength < 1 || columns < 1) {
        throw new IllegalArgumentException(
            "limits: expected at least 1, got " + fieldLength + ", " + rowLength + ", " + columns);
      }
    }
  }

  /** Checks that labels differ and the delimiter can be told from the text around it. */
  public DatasetOptions {
    labels = List.copyOf(labels);
    if (new HashSet<>(labels).size() < labels.size()) {
      throw new IllegalArgumentException("labels: expected different names, got " + labels);
    }
    if (labels.stream().anyMatch(String::isBlank)) {
      throw new IllegalArgumentException("labels: expected names, got a blank in " + labels);
    }
    if (delimiter == '"' || delimiter == '\n' || delimiter == '\r') {
      throw new IllegalArgumentException(
          "delimiter: expected neither a quotation mark nor a line end, got character "
              + (int) delimiter);
    }
  }

  private static DatasetOptions of(Format format, char delimiter, boolean header, boolean quoting) {
    return new DatasetOptions(
        format,
        delimiter,
        header,
        quoting,
        "label",
        "text",
        List.of(),
        BadRows.FAIL,
        Limits.DEFAULT);
  }

  /**
   * Tab-separated: label, text, no header, no quoting, as the SMS Spam Collection is.
   *
   * @return the options
   */
  public static DatasetOptions tsv() {
    return of(Format.DELIMITED, '\t', false, false);
  }

  /**
   * Comma-separated with quoting and a header that names {@code label} and {@code text} in any
   * case.
   *
   * @return the options
   */
  public static DatasetOptions csv() {
    return of(Format.DELIMITED, ',', true, true);
  }

  /**
   * One JSON object a line with the keys {@code label} (a string or an integer) and {@code text} (a
   * string).
   *
   * @return the options
   */
  public static DatasetOptions jsonl() {
    return of(Format.JSONL, '\t', false, false);
  }

  /**
   * Chooses by the end of a file's name.
   *
   * @param file a name that ends in {@code .tsv}, {@code .csv} or {@code .jsonl}
   * @return the options
   * @throws IllegalArgumentException if it ends in none of them
   */
  public static DatasetOptions forFile(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".tsv")) {
      return tsv();
    }
    if (name.endsWith(".csv")) {
      return csv();
    }
    if (name.endsWith(".jsonl")) {
      return jsonl();
    }
    throw new IllegalArgumentException(
        "data: expected a file name that ends in .tsv, .csv or .jsonl, got " + file);
  }

  /**
   * Changes the delimiter.
   *
   * @param newDelimiter the character between two columns
   * @return new options
   */
  public DatasetOptions withDelimiter(char newDelimiter) {
    return new DatasetOptions(
        format, newDelimiter, header, quoting, labelColumn, textColumn, labels, badRows, limits);
  }

  /**
   * Says whether there is a header.
   *
   * @param newHeader true if the first row names the columns
   * @return new options
   */
  public DatasetOptions withHeader(boolean newHeader) {
    return new DatasetOptions(
        format, delimiter, newHeader, quoting, labelColumn, textColumn, labels, badRows, limits);
  }

  /**
   * Says whether fields may be quoted.
   *
   * @param newQuoting false if a quotation mark is a character like any other
   * @return new options
   */
  public DatasetOptions withQuoting(boolean newQuoting) {
    return new DatasetOptions(
        format, delimiter, header, newQuoting, labelColumn, textColumn, labels, badRows, limits);
  }

  /**
   * Chooses the columns, or keys.
   *
   * @param newLabelColumn name or index of the label's
   * @param newTextColumn name or index of the text's
   * @return new options
   */
  public DatasetOptions withColumns(String newLabelColumn, String newTextColumn) {
    return new DatasetOptions(
        format, delimiter, header, quoting, newLabelColumn, newTextColumn, labels, badRows, limits);
  }

  /**
   * Gives the labels, in the order of their indices; a file with another label is bad.
   *
   * @param newLabels their names, such as {@code train.labels()}; empty to find them
   * @return new options
   */
  public DatasetOptions withLabels(List<String> newLabels) {
    return new DatasetOptions(
        format, delimiter, header, quoting, labelColumn, textColumn, newLabels, badRows, limits);
  }

  /**
   * Chooses what to do with bad rows.
   *
   * @param newBadRows fail or skip
   * @return new options
   */
  public DatasetOptions withBadRows(BadRows newBadRows) {
    return new DatasetOptions(
        format, delimiter, header, quoting, labelColumn, textColumn, labels, newBadRows, limits);
  }

  /**
   * Changes the limits.
   *
   * @param newLimits of fields and rows
   * @return new options
   */
  public DatasetOptions withLimits(Limits newLimits) {
    return new DatasetOptions(
        format, delimiter, header, quoting, labelColumn, textColumn, labels, badRows, newLimits);
  }
}
