package io.github.lora4j.text;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows of a CSV or TSV file, as RFC 4180 has them, read strictly: a quotation mark inside a bare
 * field or text after a closing one is a fault of its row, a quotation that never closes one of the
 * file. Empty lines are no rows.
 */
final class DelimitedRows implements Row.Source {

  private enum State {
    FIELD_START,
    BARE,
    QUOTED,
    QUOTE_IN_QUOTED
  }

  private final LineReader lines;
  private final String name;
  private final DatasetOptions options;
  private final List<String> fields = new ArrayList<>();
  private final StringBuilder field = new StringBuilder();
  private int firstLine;
  private @Nullable DatasetFormatException fault;
  private int columns = -1;
  private int labelColumn;
  private int textColumn;

  DelimitedRows(LineReader lines, String name, DatasetOptions options) {
    this.lines = lines;
    this.name = name;
    this.options = options;
  }

  @Override
  public @Nullable Row next() throws IOException {
    if (columns < 0 && options.header()) {
      if (!readFields()) {
        return null;
      }
      if (fault != null) {
        throw fault;
      }
      useHeader();
    }
    if (!readFields()) {
      return null;
    }
    if (fault != null) {
      return Row.bad(firstLine, fault);
    }
    if (columns < 0) {
      columns = fields.size();
      labelColumn = column(options.labelColumn(), Map.of());
      textColumn = column(options.textColumn(), Map.of());
    }
    if (fields.size() != columns) {
      return Row.bad(
          firstLine,
          new DatasetFormatException(
              "CS-04",
              name,
              "line " + firstLine,
              "expected " + columns + " fields, got " + fields.size()));
    }
    return new Row(firstLine, fields.get(labelColumn), fields.get(textColumn), null);
  }

  private void useHeader() throws IOException {
    columns = fields.size();
    Map<String, Integer> positions = new HashMap<>();
    for (int i = 0; i < columns; i++) {
      Integer earlier = positions.put(fields.get(i).strip(), i);
      if (earlier != null) {
        throw new DatasetFormatException(
            "CS-03",
            name,
            "line " + firstLine,
            "expected different columns, got \""
                + Excerpt.of(fields.get(i))
                + "\" as columns "
                + earlier
                + " and "
                + i);
      }
    }
    labelColumn = column(options.labelColumn(), positions);
    textColumn = column(options.textColumn(), positions);
  }

  private int column(String wanted, Map<String, Integer> positions) throws IOException {
    Integer exact = positions.get(wanted);
    if (exact != null) {
      return exact;
    }
    int[] similar =
        positions.entrySet().stream()
            .filter(e -> e.getKey().equalsIgnoreCase(wanted))
            .mapToInt(Map.Entry::getValue)
            .toArray();
    if (similar.length == 1) {
      return similar[0];
    }
    int index = -1;
    if (wanted.matches("[0-9]{1,9}")) {
      index = Integer.parseInt(wanted);
    } else if (!options.header()) {
      index = wanted.equals("label") ? 0 : wanted.equals("text") ? 1 : -1;
    }
    if (index < 0 || index >= columns) {
      String found = String.join(String.valueOf(options.delimiter()), fields);
      boolean delimiter = columns == 1 && found.matches("(?s).*[,;\t].*");
      throw new DatasetFormatException(
          "CS-02",
          name,
          "line " + firstLine,
          "expected a column "
              + Excerpt.of(wanted)
              + ", got "
              + columns
              + (options.header() ? " columns: " + Excerpt.of(found) : " columns and no header")
              + (delimiter ? " (wrong delimiter?)" : ""));
    }
    return index;
  }

  /** Reads the fields of the next row; false at the end of the file. */
  private boolean readFields() throws IOException {
    do {
      if (!lines.next()) {
        return false;
      }
    } while (lines.text().isEmpty());
    fields.clear();
    field.setLength(0);
    fault = null;
    firstLine = lines.number();
    int quoteLine = firstLine;
    long length = 0;
    State state = State.FIELD_START;
    while (true) {
      String text = lines.text();
      if (fault == null) {
        fault = lines.malformed();
      }
      length += text.length();
      if (length > options.limits().rowLength()) {
        throw limit("CS-07", "rows", options.limits().rowLength(), "characters");
      }
      for (int i = 0; i < text.length(); i++) {
        State before = state;
        state = read(state, text.charAt(i), i);
        if (state == State.QUOTED && before == State.FIELD_START) {
          quoteLine = lines.number();
        }
        if (field.length() > options.limits().fieldLength()) {
          throw state == State.QUOTED
              ? unclosed(quoteLine)
              : limit("CS-07", "fields", options.limits().fieldLength(), "characters");
        }
      }
      if (state != State.QUOTED) {
        break;
      }
      field.append(lines.terminator());
      if (!lines.next()) {
        throw unclosed(quoteLine);
      }
    }
    endField();
    return true;
  }

  private State read(State state, char c, int index) throws IOException {
    boolean quote = options.quoting() && c == '"';
    if (state == State.QUOTED) {
      if (quote) {
        return State.QUOTE_IN_QUOTED;
      }
      field.append(c);
      return State.QUOTED;
    }
    if (c == options.delimiter()) {
      endField();
      return State.FIELD_START;
    }
    if (quote && state == State.FIELD_START) {
      return State.QUOTED;
    }
    if (quote && state == State.QUOTE_IN_QUOTED) {
      field.append(c);
      return State.QUOTED;
    }
    if (quote || state == State.QUOTE_IN_QUOTED) {
      stray(index);
    }
    field.append(c);
    return State.BARE;
  }

  private void stray(int index) {
    if (fault == null) {
      fault =
          new DatasetFormatException(
              "CS-06",
              name,
              "line " + lines.number() + ", column " + (index + 1),
              "expected quotation marks around the whole field and doubled inside it,"
                  + " got a stray one (is the file written without quoting?)");
    }
  }

  private void endField() throws IOException {
    if (fields.size() == options.limits().columns()) {
      throw limit("CS-08", "rows", options.limits().columns(), "columns");
    }
    fields.add(field.toString());
    field.setLength(0);
  }

  private DatasetFormatException unclosed(int quoteLine) {
    return new DatasetFormatException(
        "CS-05",
        name,
        "line " + quoteLine,
        "expected a quotation opened here to close within "
            + options.limits().fieldLength()
            + " characters and before the end of the file, got none"
            + " (is the file written without quoting?)");
  }

  private LimitExceededException limit(String code, String what, int limit, String unit) {
    return new LimitExceededException(
        code,
        name,
        "line " + lines.number(),
        "expected "
            + what
            + " of at most "
            + limit
            + " "
            + unit
            + ", got more (the limit can be raised)");
  }
}
