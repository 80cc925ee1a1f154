package io.github.lora4j.text;

import io.github.lora4j.error.LimitExceededException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/**
 * Encodes text as it comes in and keeps the token ids alone. Long documents are encoded in pieces
 * that are cut before a blank after something else, where the tokenizer always starts anew: the ids
 * are those of the whole.
 */
final class CorpusBuilder {

  private static final int ENCODE_AT = 1 << 20;

  private final String name;
  private final Tokenizer tokenizer;
  private final StringBuilder pending = new StringBuilder();
  private int lastCut;
  private int[] tokenIds = new int[1 << 12];
  private int size;

  CorpusBuilder(String name, Tokenizer tokenizer) {
    this.name = name;
    this.tokenizer = tokenizer;
  }

  /**
   * All token ids of a text; each document is followed by the end-of-text token, if there is one.
   */
  static int[] encode(
      InputStream in, String name, Tokenizer tokenizer, TextCorpus.Documents documents)
      throws IOException {
    CorpusBuilder builder = new CorpusBuilder(name, tokenizer);
    LineReader lines = new LineReader(in, name, 3 * Tokenizer.MAX_TEXT_LENGTH, "TK-19");
    boolean inDocument = false;
    String lineEnd = "";
    while (lines.next()) {
      DatasetFormatException malformed = lines.malformed();
      if (malformed != null) {
        throw malformed;
      }
      if (documents == TextCorpus.Documents.BLANK_LINES && lines.text().isBlank()) {
        if (inDocument) {
          builder.endDocument();
        }
        inDocument = false;
        continue;
      }
      if (inDocument) {
        builder.append(lineEnd, lines.number());
      }
      builder.append(lines.text(), lines.number());
      lineEnd = lines.terminator();
      inDocument = true;
    }
    if (inDocument) {
      if (documents == TextCorpus.Documents.ONE) {
        builder.append(lineEnd, lines.number());
      }
      builder.endDocument();
    }
    return Arrays.copyOf(builder.tokenIds, builder.size);
  }

  private void append(String text, int line) throws IOException {
    int start = pending.length();
    pending.append(text);
    for (int i = Math.max(start, 1); i < pending.length(); i++) {
      char c = pending.charAt(i);
      if ((c == ' ' || c == '\n') && !isBlank(pending.charAt(i - 1))) {
        lastCut = i;
      }
    }
    if (pending.length() > ENCODE_AT && lastCut > 0) {
      encode(pending.substring(0, lastCut));
      pending.delete(0, lastCut);
      lastCut = 0;
    }
    if (pending.length() > Tokenizer.MAX_TEXT_LENGTH) {
      throw new LimitExceededException(
          "TK-19",
          name,
          "line " + line,
          "expected a blank after text at least every "
              + Tokenizer.MAX_TEXT_LENGTH
              + " characters, got none");
    }
  }

  private void endDocument() {
    encode(pending.toString());
    pending.setLength(0);
    lastCut = 0;
    tokenizer.endOfText().ifPresent(this::add);
  }

  private void encode(String text) {
    for (int id : tokenizer.encode(text)) {
      add(id);
    }
  }

  private void add(int id) {
    if (size == tokenIds.length) {
      tokenIds = Arrays.copyOf(tokenIds, size + (size >> 1));
    }
    tokenIds[size++] = id;
  }

  private static boolean isBlank(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }
}
