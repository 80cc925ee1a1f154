package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.BufferedInputStream;
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

  private final BufferedInputStream in;
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
    this.in = new BufferedInputStream(in, BUFFER_BYTES);
    this.name = name;
    this.maxBytes = maxBytes;
    this.limitCode = limitCode;
    checkStart();
  }

  private void checkStart() throws IOException {
    in.mark(4);
    byte[] start = in.readNBytes(4);
    in.reset();
    if (startsWith(start, 0x1F, 0x8B) || startsWith(start, 'P', 'K', 3, 4)) {
      throw new UnsupportedFeatureException(
          "CS-18",
          name,
          "byte 0",
          "expected text, got gzip or zip, which is not read; unpack first");
    }
    if (startsWith(start, 0xFF, 0xFE) || startsWith(start, 0xFE, 0xFF)) {
      throw new DatasetFormatException(
          "CS-10",
          name,
          "byte 0",
          "expected UTF-8, got what looks like UTF-16; convert it to UTF-8");
    }
    if (startsWith(start, 0xEF, 0xBB, 0xBF)) {
      in.skipNBytes(3);
      nextOffset = 3;
    }
  }

  private static boolean startsWith(byte[] bytes, int... magic) {
    if (bytes.length < magic.length) {
      return false;
    }
    for (int i = 0; i < magic.length; i++) {
      if ((bytes[i] & 0xFF) != magic[i]) {
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
    int c = in.read();
    if (c < 0) {
      return false;
    }
    int nul = -1;
    while (c >= 0 && c != '\n' && c != '\r') {
      if (line.size() == maxBytes) {
        throw new LimitExceededException(
            limitCode,
            name,
            "line " + number,
            "expected rows of at most "
                + maxBytes
                + " bytes, got more (the row limit can be raised)");
      }
      if (c == 0 && nul < 0) {
        nul = line.size();
      }
      line.write(c);
      c = in.read();
    }
    if (nul >= 0) {
      throw new DatasetFormatException(
          "CS-09",
          name,
          "line " + number + ", byte " + (offset + nul),
          "expected text, got a NUL byte; the file is binary or UTF-16");
    }
    terminator = c == '\n' ? "\n" : c == '\r' ? "\r" + lineFeed() : "";
    nextOffset = offset + line.size() + terminator.length();
    decode();
    return true;
  }

  private String lineFeed() throws IOException {
    in.mark(1);
    if (in.read() == '\n') {
      return "\n";
    }
    in.reset();
    return "";
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
