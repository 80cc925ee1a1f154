package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Lines of a UTF-8 file, one at a time, each checked: no binary, no other encoding, no line over
 * the limit. A line ends with LF, CR LF or CR, and with nothing else (U+2028 and U+0085 are text).
 */
final class LineReader {

  private static final int BUFFER_BYTES = 1 << 16;

  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int end;
  private final String name;
  private final int maxBytes;
  private final String limitCode;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private String text = "";
  private String terminator = "";
  private int number;
  private long offset;
  private long nextOffset;
  private @Nullable DatasetFormatException malformed;

  LineReader(InputStream in, String name, int maxBytes, String limitCode) throws IOException {
    this.in = in;
    this.name = name;
    this.maxBytes = maxBytes;
    this.limitCode = limitCode;
    checkStart();
  }

  private void checkStart() throws IOException {
    end = in.readNBytes(buffer, 0, buffer.length);
    if (startsWith(0x1F, 0x8B) || startsWith('P', 'K', 3, 4)) {
      throw new UnsupportedFeatureException(
          "CS-18",
          name,
          "byte 0",
          "expected text, got gzip or zip, which is not read; unpack first");
    }
    if (startsWith(0xFF, 0xFE) || startsWith(0xFE, 0xFF)) {
      throw new DatasetFormatException(
          "CS-10",
          name,
          "byte 0",
          "expected UTF-8, got what looks like UTF-16; convert it to UTF-8");
    }
    if (startsWith(0xEF, 0xBB, 0xBF)) {
      position = 3;
      nextOffset = 3;
    }
  }

  private boolean startsWith(int... magic) {
    if (end < magic.length) {
      return false;
    }
    for (int i = 0; i < magic.length; i++) {
      if ((buffer[i] & 0xFF) != magic[i]) {
        return false;
      }
    }
    return true;
  }

  /** Reads the next line; false at the end of the file. */
  boolean next() throws IOException {
    line.reset();
    offset = nextOffset;
    number++;
    if (!fill()) {
      return false;
    }
    long nul = -1;
    boolean open = true;
    while (open && fill()) {
      int start = position;
      while (position < end && buffer[position] != '\n' && buffer[position] != '\r') {
        if (buffer[position] == 0 && nul < 0) {
          nul = offset + line.size() + (position - start);
        }
        position++;
      }
      if (line.size() + (position - start) > maxBytes) {
        throw new LimitExceededException(
            limitCode,
            name,
            "line " + number,
            "expected rows of at most "
                + maxBytes
                + " bytes, got more (the row limit can be raised)");
      }
      line.write(buffer, start, position - start);
      open = position == end;
    }
    if (nul >= 0) {
      throw new DatasetFormatException(
          "CS-09",
          name,
          "line " + number + ", byte " + nul,
          "expected text, got a NUL byte; the file is binary or UTF-16");
    }
    terminator = open ? "" : terminate();
    nextOffset = offset + line.size() + terminator.length();
    decode();
    return true;
  }

  private String terminate() throws IOException {
    if (buffer[position++] == '\n') {
      return "\n";
    }
    if (fill() && buffer[position] == '\n') {
      position++;
      return "\r\n";
    }
    return "\r";
  }

  /** Makes sure that there are bytes in the buffer; false at the end of the file. */
  private boolean fill() throws IOException {
    if (position == end) {
      position = 0;
      end = in.readNBytes(buffer, 0, buffer.length);
    }
    return position < end;
  }

  private void decode() {
    text = line.toString(UTF_8);
    malformed = null;
    byte[] bytes = line.toByteArray();
    int bad = Utf8.firstMalformed(bytes, text);
    if (bad >= 0) {
      malformed =
          new DatasetFormatException(
              "CS-12",
              name,
              "line " + number + ", byte " + (offset + bad),
              String.format(
                  Locale.ROOT,
                  "expected UTF-8, got byte 0x%02x; convert the file to UTF-8",
                  bytes[bad] & 0xFF));
    }
  }

  /** The line without what ends it; U+FFFD where it is not UTF-8. */
  String text() {
    return text;
  }

  /** What ended the line: LF, CR LF, CR, or nothing at the end of the file. */
  String terminator() {
    return terminator;
  }

  /** The number of the line, from 1. */
  int number() {
    return number;
  }

  /** Why the line is not UTF-8; null if it is. */
  @Nullable DatasetFormatException malformed() {
    return malformed;
  }
}
