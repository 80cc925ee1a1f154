package io.github.lora4j.tensor;

/**
 * The token ids of a batch, its sequences laid end to end without padding. Only attention needs to
 * know where a sequence ends. Immutable by agreement: the arrays are not copied and must not be
 * changed.
 *
 * @param tokenIds the ids of all sequences, {@code (N)}
 * @param offsets where each sequence begins, and at last N: {@code (B + 1)}, strictly ascending
 *     from 0
 */
public record Sequences(int[] tokenIds, int[] offsets) {

  /** Checks that the offsets cut the ids into sequences of at least one token. */
  public Sequences {
    if (offsets.length < 2 || offsets[0] != 0 || offsets[offsets.length - 1] != tokenIds.length) {
      throw new IllegalArgumentException(
          "sequences: offsets from 0 to the number of tokens, %d, expected, got %d offsets %s"
              .formatted(
                  tokenIds.length,
                  offsets.length,
                  offsets.length == 0
                      ? ""
                      : "from " + offsets[0] + " to " + offsets[offsets.length - 1]));
    }
    for (int i = 1; i < offsets.length; i++) {
      if (offsets[i] <= offsets[i - 1]) {
        throw new IllegalArgumentException(
            "sequences: at least one token in each expected, got none in sequence " + (i - 1));
      }
    }
  }

  /**
   * One sequence.
   *
   * @param tokenIds its ids, at least one
   * @return the batch of that one sequence
   */
  public static Sequences of(int[] tokenIds) {
    return new Sequences(tokenIds, new int[] {0, tokenIds.length});
  }

  /**
   * Sequences of any lengths.
   *
   * @param rows the ids of each
   * @return the batch of them all, in that order
   */
  public static Sequences of(int[][] rows) {
    int[] offsets = new int[rows.length + 1];
    for (int i = 0; i < rows.length; i++) {
      offsets[i + 1] = offsets[i] + rows[i].length;
    }
    int[] tokenIds = new int[offsets[rows.length]];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, tokenIds, offsets[i], rows[i].length);
    }
    return new Sequences(tokenIds, offsets);
  }

  /**
   * How many sequences there are.
   *
   * @return B
   */
  public int count() {
    return offsets.length - 1;
  }

  /**
   * How many tokens there are in all.
   *
   * @return N
   */
  public int tokens() {
    return tokenIds.length;
  }

  /**
   * The length of one sequence.
   *
   * @param index its number from 0
   * @return its tokens
   */
  public int length(int index) {
    return offsets[index + 1] - offsets[index];
  }

  /**
   * The length of the longest sequence.
   *
   * @return its tokens
   */
  public int longest() {
    int longest = 0;
    for (int i = 0; i < count(); i++) {
      longest = Math.max(longest, length(i));
    }
    return longest;
  }

  /**
   * The position of each token in its own sequence.
   *
   * @return positions from 0, {@code (N)}
   */
  public int[] positions() {
    int[] positions = new int[tokenIds.length];
    for (int i = 0; i < count(); i++) {
      for (int t = offsets[i]; t < offsets[i + 1]; t++) {
        positions[t] = t - offsets[i];
      }
    }
    return positions;
  }

  /**
   * Where the last token of each sequence stands among all tokens.
   *
   * @return indices, {@code (B)}
   */
  public int[] lastTokens() {
    int[] last = new int[count()];
    for (int i = 0; i < last.length; i++) {
      last[i] = offsets[i + 1] - 1;
    }
    return last;
  }
}
