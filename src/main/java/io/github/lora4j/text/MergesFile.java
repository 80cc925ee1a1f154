package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads {@code merges.txt}: one merge a line, two tokens with a space between, the first merge
 * first. A first line that starts with {@code #version} is a header; after it {@code #} is a token
 * like any other.
 */
final class MergesFile {

  static final int MAX_BYTES = 64 << 20;
  private static final int MAX_LINE_LENGTH = 1 << 20;

  /** Two adjacent tokens, as symbols, that become one; line counts from 1. */
  record Merge(String left, String right, int line) {}

  private MergesFile() {}

  static List<Merge> read(byte[] bytes, String name) throws IOException {
    String text = decode(bytes, name);
    List<Merge> merges = new ArrayList<>();
    int line = 0;
    for (int start = 0; start < text.length(); ) {
      line++;
      int newline = text.indexOf('\n', start);
      int next = newline < 0 ? text.length() : newline + 1;
      int end = newline < 0 ? text.length() : newline;
      if (end > start && text.charAt(end - 1) == '\r') {
        end--;
      }
      if (end - start > MAX_LINE_LENGTH) {
        throw new LimitExceededException(
            "TK-12",
            name,
            "line " + line,
            "expected lines of at most " + MAX_LINE_LENGTH + " characters, got " + (end - start));
      }
      String content = text.substring(start, end);
      start = next;
      if (!content.isEmpty() && !(line == 1 && content.startsWith("#version"))) {
        merges.add(merge(content, line, name));
      }
    }
    return merges;
  }

  private static Merge merge(String content, int line, String name) throws IOException {
    int space = content.indexOf(' ');
    if (space <= 0 || space == content.length() - 1 || content.indexOf(' ', space + 1) >= 0) {
      throw new TokenizerFormatException(
          "TK-08",
          name,
          "line " + line,
          "expected two tokens with one space between, got \"" + Excerpt.of(content) + '"');
    }
    return new Merge(content.substring(0, space), content.substring(space + 1), line);
  }

  /** The text of a tokenizer file, without a byte order mark. */
  static String decode(byte[] bytes, String name) throws TokenizerFormatException {
    String text = new String(bytes, UTF_8);
    int malformed = Utf8.firstMalformed(bytes, text);
    if (malformed >= 0) {
      boolean utf16 = bytes.length > 1 && (bytes[0] & bytes[1] & 0xFE) == 0xFE;
      throw new TokenizerFormatException(
          "TK-13",
          name,
          "byte " + malformed,
          String.format(
              Locale.ROOT,
              "expected UTF-8, got byte 0x%02x%s",
              bytes[malformed] & 0xFF,
              utf16 ? "; the file looks like UTF-16, convert it to UTF-8" : ""));
    }
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }
}
