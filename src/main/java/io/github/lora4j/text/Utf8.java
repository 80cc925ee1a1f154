package io.github.lora4j.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;

/** Strict UTF-8, and texts that hold unpaired surrogates. */
final class Utf8 {

  private static final char REPLACEMENT = '\uFFFD';

  private Utf8() {}

  /** The index of the first byte that is not UTF-8, or -1 if all is well. */
  static int firstMalformed(byte[] bytes, String decoded) {
    if (decoded.indexOf(REPLACEMENT) < 0) {
      return -1;
    }
    CharsetDecoder strict = UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    return strict.decode(in, CharBuffer.allocate(bytes.length), true).isError()
        ? in.position()
        : -1;
  }

  /**
   * Decodes with U+FFFD for every part that is not UTF-8, as Python's {@code errors="replace"}.
   * Java does the same except for an encoded surrogate: three bad bytes that it takes for one.
   *
   * @param bytes any bytes; changed where they encode a surrogate
   */
  static String decodeAsPythonDoes(byte[] bytes) {
    for (int i = 0; i + 1 < bytes.length; i++) {
      if (bytes[i] == (byte) 0xED && (bytes[i + 1] & 0xE0) == 0xA0) {
        bytes[i] = (byte) 0xFF;
      }
    }
    return new String(bytes, UTF_8);
  }

  /**
   * The text with every unpaired surrogate replaced by U+FFFD; the same object if there is none.
   */
  static String withoutLoneSurrogates(String text) {
    StringBuilder repaired = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
        continue;
      }
      if (repaired == null) {
        repaired = new StringBuilder(text);
      }
      repaired.setCharAt(i, REPLACEMENT);
    }
    return repaired == null ? text : repaired.toString();
  }
}
