package io.github.lora4j.kernel;

/**
 * One head of one sequence: the part of attention that no other needs. Its token t is seen by the
 * query that belongs to it and by later ones.
 *
 * @param shape what it is a part of
 * @param sequence the sequence
 * @param head the head
 * @param queries how many queries the sequence has
 * @param keys how many tokens it has
 */
public record AttentionHead(AttentionShape shape, int sequence, int head, int queries, int keys) {

  /**
   * A part of attention.
   *
   * @param shape what it is a part of
   * @param number which one, below {@code shape.sequences() * shape.heads()}
   * @return the part
   */
  public static AttentionHead of(AttentionShape shape, int number) {
    int sequence = number / shape.heads();
    return new AttentionHead(
        shape,
        sequence,
        number % shape.heads(),
        shape.queries()[sequence + 1] - shape.queries()[sequence],
        shape.keys()[sequence + 1] - shape.keys()[sequence]);
  }

  private Matrix columns(Matrix m, int first, int count) {
    return m.block(first, count, head * shape.headSize(), shape.headSize());
  }

  /**
   * What belongs to the first tokens.
   *
   * @param m the keys or values, or their gradient, {@code (N, C)}
   * @param count how many tokens
   * @return {@code (count, HS)}
   */
  public Matrix ofKeys(Matrix m, int count) {
    return columns(m, shape.keys()[sequence], count);
  }

  /**
   * What belongs to some queries.
   *
   * @param m the queries or their gradient
   * @param first the first of them
   * @param count how many
   * @return {@code (count, HS)}
   */
  public Matrix ofQueries(Matrix m, int first, int count) {
    return columns(m, shape.queryRows()[sequence] + first, count);
  }

  /**
   * The outcome of some queries.
   *
   * @param m the outcome or its gradient, {@code (M, C)}
   * @param first the first of them
   * @param count how many
   * @return {@code (count, HS)}
   */
  public Matrix ofOutcome(Matrix m, int first, int count) {
    return columns(m, shape.queries()[sequence] + first, count);
  }

  /**
   * How many keys a query sees: the first ones.
   *
   * @param query which query
   * @return from 1 to {@link #keys}
   */
  public int seen(int query) {
    return keys - queries + query + 1;
  }

  /**
   * Where the statistics of a query stand.
   *
   * @param query which query
   * @return an index below {@code NH M}
   */
  public int statistics(int query) {
    return head * shape.queryCount() + shape.queries()[sequence] + query;
  }

  /**
   * The factor of the scores.
   *
   * @return {@code 1 / sqrt(HS)}
   */
  public float scaling() {
    return (float) (1 / Math.sqrt(shape.headSize()));
  }
}
