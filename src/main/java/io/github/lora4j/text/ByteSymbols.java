package io.github.lora4j.text;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2's way to write any byte as one visible character: the printable characters of Latin-1 stand
 * for themselves, the other 68 bytes are U+0100, U+0101, ... in ascending order (the space, for
 * one, is U+0120).
 */
final class ByteSymbols {

  private static final char[] SYMBOLS = new char[256];
  private static final int[] BYTES = new int[256 + 68];

  static {
    Arrays.fill(BYTES, -1);
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = b > 32 && b < 127 || b > 160 && b != 173;
      SYMBOLS[b] = printable ? (char) b : next++;
      BYTES[SYMBOLS[b]] = b;
    }
  }

  private ByteSymbols() {}

  /** The symbol of a byte in 0..255. */
  static String symbol(int b) {
    return String.valueOf(SYMBOLS[b]);
  }

  /** The bytes that a token's symbols stand for; null if one of its characters is not a symbol. */
  static byte @Nullable [] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) {
        return null;
      }
      bytes[i] = (byte) BYTES[c];
    }
    return bytes;
  }
}
