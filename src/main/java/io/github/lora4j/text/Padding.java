package io.github.lora4j.text;

import java.util.Arrays;

/**
 * How sequences are brought to one length: not at all, or by appending a token as if it were text.
 * Appended tokens are attended like any other; this is the protocol of a published recipe, not a
 * way to save work.
 *
 * @param length the length of every sequence in tokens; 0 for no padding
 * @param tokenId the token to append, at least 0; 0 for no padding
 */
public record Padding(int length, int tokenId) {

  private static final Padding NONE = new Padding(0, 0);

  /** Checks the ranges. */
  public Padding {
    if (length < 0 || tokenId < 0) {
      throw new IllegalArgumentException(
          "padding: expected a length and a token id of at least 0, got "
              + length
              + " and "
              + tokenId);
    }
  }

  /**
   * No padding.
   *
   * @return the padding that changes nothing
   */
  public static Padding none() {
    return NONE;
  }

  /**
   * Padding to a fixed length; longer sequences are cut to it.
   *
   * @param length the length of every sequence in tokens, at least 1
   * @param tokenId the token to append, at least 0
   * @return the padding
   */
  public static Padding to(int length, int tokenId) {
    if (length < 1) {
      throw new IllegalArgumentException(
          "padding: expected a length of at least 1, got " + length + " (none() for no padding)");
    }
    return new Padding(length, tokenId);
  }

  /**
   * Whether sequences stay as they are.
   *
   * @return true for {@link #none()}
   */
  public boolean isNone() {
    return length == 0;
  }

  /**
   * Pads one sequence, or cuts it, to the length.
   *
   * @param tokenIds token ids; not modified
   * @return a new array of exactly {@link #length} ids, or an equal copy if there is no padding
   */
  public int[] apply(int[] tokenIds) {
    if (isNone()) {
      return tokenIds.clone();
    }
    int[] padded = Arrays.copyOf(tokenIds, length);
    if (tokenIds.length < length) {
      Arrays.fill(padded, tokenIds.length, length, tokenId);
    }
    return padded;
  }
}
