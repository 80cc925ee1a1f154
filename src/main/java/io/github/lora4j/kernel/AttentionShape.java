package io.github.lora4j.kernel;

/**
 * Which rows of a batch attend to which: the keys and values of a sequence are all its tokens, its
 * queries are all of them or only the last ones.
 *
 * @param heads NH
 * @param headSize HS; C = NH * HS
 * @param keys where the tokens of each sequence begin, and at last their number N
 * @param queries where the queries of each sequence begin among all M queries, and at last M; a
 *     sequence has at least one and at most as many as tokens
 * @param queryRows the row of the query matrix at which those of each sequence begin
 */
public record AttentionShape(int heads, int headSize, int[] keys, int[] queries, int[] queryRows) {

  /**
   * The shape in which every token asks.
   *
   * @param heads NH
   * @param headSize HS
   * @param offsets where each sequence begins, and at last N
   * @return M = N
   */
  public static AttentionShape ofAll(int heads, int headSize, int[] offsets) {
    return new AttentionShape(heads, headSize, offsets, offsets, offsets);
  }

  /**
   * The shape in which the last token of each sequence asks.
   *
   * @param heads NH
   * @param headSize HS
   * @param offsets where each sequence begins, and at last N
   * @param compact whether the query matrix holds a row for each sequence, else for each token
   * @return M = the number of sequences
   */
  public static AttentionShape ofLast(int heads, int headSize, int[] offsets, boolean compact) {
    int count = offsets.length - 1;
    int[] queries = new int[count + 1];
    int[] rows = new int[count];
    for (int i = 0; i < count; i++) {
      queries[i + 1] = i + 1;
      rows[i] = compact ? i : offsets[i + 1] - 1;
    }
    return new AttentionShape(heads, headSize, offsets, queries, rows);
  }

  /**
   * How many sequences there are.
   *
   * @return B
   */
  public int sequences() {
    return keys.length - 1;
  }

  /**
   * How many queries there are in all.
   *
   * @return M
   */
  public int queryCount() {
    return queries[sequences()];
  }

  /**
   * How many channels a row has.
   *
   * @return C
   */
  public int channels() {
    return heads * headSize;
  }
}
