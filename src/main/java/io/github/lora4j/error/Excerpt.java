package io.github.lora4j.error;

/** Untrusted text made fit for a message: control characters escaped, cut at 200 characters. */
public final class Excerpt {

  /** The longest excerpt, in characters of the original text. */
  public static final int MAX_LENGTH = 200;

  private Excerpt() {}

  /**
   * Escapes control, format and unpaired surrogate characters of a text and cuts it.
   *
   * @param text any text
   * @return the text on one line, at most {@value #MAX_LENGTH} of its characters followed by an
   *     ellipsis
   */
  public static String of(CharSequence text) {
    StringBuilder excerpt = new StringBuilder();
    int end = Math.min(text.length(), MAX_LENGTH);
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      boolean pairStart =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      boolean pairEnd =
          Character.isLowSurrogate(c) && i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
      if (pairStart && i + 1 == end) {
        break;
      }
      if (Character.isISOControl(c)
          || Character.getType(c) == Character.FORMAT
          || c == '\u2028'
          || c == '\u2029'
          || (Character.isSurrogate(c) && !pairStart && !pairEnd)) {
        excerpt.append("\\u").append(Character.forDigit(c >> 12, 16));
        excerpt.append(Character.forDigit(c >> 8 & 15, 16));
        excerpt.append(Character.forDigit(c >> 4 & 15, 16)).append(Character.forDigit(c & 15, 16));
      } else {
        excerpt.append(c);
      }
    }
    return text.length() > end ? excerpt.append('…').toString() : excerpt.toString();
  }
}
