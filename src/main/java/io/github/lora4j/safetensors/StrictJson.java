package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over the tokens of one untrusted JSON text: UTF-8 only, no extensions, bounded depth and
 * numbers. Its faults are checked exceptions that name the byte in the file.
 */
final class StrictJson implements AutoCloseable {

  static final int MAX_DEPTH = 8;
  static final int MAX_NUMBER_LENGTH = 100;

  // Without a symbol table: names are read once, so sharing them costs more than it saves.
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER_LENGTH)
                  .maxNameLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private final String path;
  private final byte[] json;
  private final long start;
  private final JsonParser parser;

  /**
   * Checks the encoding and stands before the first token.
   *
   * @param path the file, for messages
   * @param json the text
   * @param start where in the file the text begins, for messages
   * @throws SafetensorsFormatException if the bytes are not UTF-8 or begin with a byte order mark
   */
  StrictJson(String path, byte[] json, long start) throws IOException {
    this.path = path;
    this.json = json;
    this.start = start;
    requireUtf8();
    requireNoControlCharacters();
    parser =
        JSON.createParser(
            new InputStreamReader(new ByteArrayInputStream(json), StandardCharsets.UTF_8));
  }

  /** The next token, null at the end of the text. */
  @Nullable JsonToken next() throws IOException {
    try {
      return parser.nextToken();
    } catch (StreamConstraintsException e) {
      throw limit(e);
    } catch (JsonProcessingException e) {
      throw malformed(e);
    }
  }

  /** The token that {@link #next} returned last. */
  @Nullable JsonToken current() {
    return parser.currentToken();
  }

  /** The name or text or literal of the current token. */
  String text() throws IOException {
    try {
      String text = parser.getText();
      requireUnicode(text);
      return text;
    } catch (StreamConstraintsException e) {
      throw limit(e);
    } catch (JsonProcessingException e) {
      throw malformed(e);
    }
  }

  /** Passes over the value that begins with the current token. */
  void skipValue() throws IOException {
    try {
      parser.skipChildren();
    } catch (StreamConstraintsException e) {
      throw limit(e);
    } catch (JsonProcessingException e) {
      throw malformed(e);
    }
  }

  /** Where the current token begins, counted from the beginning of the file. */
  long offset() {
    return byteOffset(parser.currentTokenLocation());
  }

  /** The current token for a message: a literal, or the kind of a longer value. */
  String found() throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      return "the end of the text";
    }
    switch (token) {
      case START_ARRAY:
        return "an array";
      case START_OBJECT:
        return "an object";
      case VALUE_STRING:
        return "the string \"" + Excerpt.of(text()) + "\"";
      case END_ARRAY:
        return "the end of the array";
      case END_OBJECT:
        return "the end of the object";
      default:
        return Excerpt.of(text());
    }
  }

  /**
   * Enters the object that must follow.
   *
   * @param what what the object is, for the message
   * @throws SafetensorsFormatException if the next value is something else
   */
  void enterObject(String what) throws IOException {
    if (next() != JsonToken.START_OBJECT) {
      throw fault("ST-11", "byte " + offset(), what + " must be an object, got " + found());
    }
  }

  /** Requires that nothing but blanks follows. */
  void requireEnd() throws IOException {
    if (next() != null) {
      throw fault(
          "ST-12", "byte " + offset(), "nothing may follow the JSON object, got " + found());
    }
  }

  SafetensorsFormatException fault(String code, String location, String problem) {
    return new SafetensorsFormatException(code, path, location, problem);
  }

  private void requireUtf8() throws SafetensorsFormatException {
    if (json.length >= 3
        && json[0] == (byte) 0xef
        && json[1] == (byte) 0xbb
        && json[2] == (byte) 0xbf) {
      throw fault("ST-13", "byte " + start, "JSON must not begin with a byte order mark (BOM)");
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(json);
    CharBuffer out = CharBuffer.allocate(8192);
    while (true) {
      var result = decoder.decode(in, out, true);
      if (result.isError()) {
        throw fault(
            "ST-09", "byte " + (start + in.position()), "JSON must be UTF-8 text, it is not");
      }
      if (result.isUnderflow()) {
        return;
      }
      out.clear();
    }
  }

  /** No JSON text holds them; the parser finds them too, but not their exact place. */
  private void requireNoControlCharacters() throws SafetensorsFormatException {
    for (int i = 0; i < json.length; i++) {
      byte b = json[i];
      if (b >= 0 && b < ' ' && b != '\t' && b != '\n' && b != '\r') {
        throw fault(
            "ST-10", "byte " + (start + i), "JSON must not hold the control character " + b);
      }
    }
  }

  /** Escapes such as "\ud800" can spell half a character, which no UTF-8 text can hold. */
  private void requireUnicode(String text) throws SafetensorsFormatException {
    if (!isUnicode(text)) {
      throw fault(
          "ST-09",
          "byte " + offset(),
          "text must not hold half a surrogate pair: " + Excerpt.of(text));
    }
  }

  /** Whether a text can be written as UTF-8: every surrogate stands in a pair. */
  static boolean isUnicode(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (!Character.isSupplementaryCodePoint(text.codePointAt(i))) {
          return false;
        }
        i++;
      }
    }
    return true;
  }

  private SafetensorsFormatException malformed(JsonProcessingException e) {
    SafetensorsFormatException fault =
        fault(
            "ST-10",
            "byte " + byteOffset(e.getLocation()),
            "not well-formed JSON: " + Excerpt.of(e.getOriginalMessage()));
    fault.initCause(e);
    return fault;
  }

  private LimitExceededException limit(StreamConstraintsException e) {
    LimitExceededException limit =
        new LimitExceededException(
            "ST-15",
            path,
            "byte " + byteOffset(e.getLocation()),
            "JSON exceeds the depth limit "
                + MAX_DEPTH
                + " or the number limit of "
                + MAX_NUMBER_LENGTH
                + " digits: "
                + Excerpt.of(e.getOriginalMessage()));
    limit.initCause(e);
    return limit;
  }

  /** The parser counts characters; a reader of the message counts bytes. */
  private long byteOffset(@Nullable JsonLocation location) {
    long chars = location == null ? 0 : location.getCharOffset();
    int i = 0;
    while (i < json.length && chars > 0) {
      int lead = json[i] & 0xff;
      int length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      chars -= length == 4 ? 2 : 1;
      i += length;
    }
    return start + i;
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }
}
