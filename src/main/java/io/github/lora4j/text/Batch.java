package io.github.lora4j.text;

import java.util.Arrays;
import java.util.List;

/**
 * Sequences laid end to end, without padding between them. Sequence b holds the tokens from {@code
 * offsets[b]} (inclusive) to {@code offsets[b + 1]} (exclusive).
 *
 * <p>Shapes: B sequences, N tokens in all. The arrays are not copied: whoever made them hands them
 * over, and nobody changes them.
 *
 * @param tokenIds the token ids of all sequences, {@code (N)}
 * @param offsets where each sequence starts, and at last N, {@code (B + 1)}; strictly increasing
 *     from 0
 * @param targets what is to be learnt: a class for each sequence {@code (B)}, or the next token for
 *     each token {@code (N)}, {@link #IGNORE_INDEX} where there is none; empty {@code (0)} for
 *     prediction
 * @param realTokens how many of the N tokens are text, that is N without appended padding
 * @param examples the index of each sequence in its data set or corpus, {@code (B)}
 * @param epoch the epoch the batch belongs to, from 0
 * @param number the place of the batch in its epoch, from 0
 */
public record Batch(
    int[] tokenIds,
    int[] offsets,
    int[] targets,
    int realTokens,
    int[] examples,
    int epoch,
    int number) {

  /** The target of a position that has none; it counts neither in the loss nor in its mean. */
  public static final int IGNORE_INDEX = -100;

  /** Checks that the lengths agree. */
  public Batch {
    int sequences = offsets.length - 1;
    if (sequences < 1 || offsets[0] != 0 || offsets[sequences] != tokenIds.length) {
      throw new IllegalArgumentException(
          "batch: expected offsets from 0 to "
              + tokenIds.length
              + ", the number of tokens, and at least one sequence, got "
              + excerpt(offsets));
    }
    for (int b = 0; b < sequences; b++) {
      if (offsets[b + 1] <= offsets[b]) {
        throw new IllegalArgumentException(
            "batch: expected at least one token in every sequence, got none in sequence " + b);
      }
    }
    if (targets.length != 0 && targets.length != sequences && targets.length != tokenIds.length) {
      throw new IllegalArgumentException(
          "batch: expected a target for each of the "
              + sequences
              + " sequences, for each of the "
              + tokenIds.length
              + " tokens or none, got "
              + targets.length);
    }
    if (examples.length != sequences) {
      throw new IllegalArgumentException(
          "batch: expected the indices of " + sequences + " examples, got " + examples.length);
    }
    if (realTokens < 1 || realTokens > tokenIds.length || epoch < 0 || number < 0) {
      throw new IllegalArgumentException(
          "batch: expected 1 to "
              + tokenIds.length
              + " real tokens and epoch and number of at least 0, got "
              + realTokens
              + ", "
              + epoch
              + " and "
              + number);
    }
  }

  /**
   * A batch without targets, for prediction.
   *
   * @param sequences token ids, at least one sequence and one token in each; not modified
   * @return the batch, its examples numbered 0, 1, ...
   */
  public static Batch of(List<int[]> sequences) {
    return withTargets(sequences, new int[0]);
  }

  /**
   * A batch with one class for each sequence.
   *
   * @param sequences token ids, at least one sequence and one token in each; not modified
   * @param labels the class of each sequence, {@code (B)}; not modified
   * @return the batch, its examples numbered 0, 1, ...
   */
  public static Batch forClassification(List<int[]> sequences, int[] labels) {
    if (labels.length != sequences.size()) {
      throw new IllegalArgumentException(
          "batch: expected a label for each of the "
              + sequences.size()
              + " sequences, got "
              + labels.length);
    }
    return withTargets(sequences, labels.clone());
  }

  /**
   * A batch in which every token is to be told from those before it: the target of a token is the
   * next one of its sequence, that of the last is {@link #IGNORE_INDEX}.
   *
   * @param sequences token ids, at least one sequence and one token in each; not modified
   * @return the batch, its examples numbered 0, 1, ...
   */
  public static Batch forLanguageModel(List<int[]> sequences) {
    Batch batch = of(sequences);
    return new Batch(
        batch.tokenIds,
        batch.offsets,
        nextTokens(batch.tokenIds, batch.offsets),
        batch.realTokens,
        batch.examples,
        0,
        0);
  }

  private static Batch withTargets(List<int[]> sequences, int[] targets) {
    int[] offsets = new int[sequences.size() + 1];
    int[] examples = new int[sequences.size()];
    for (int b = 0; b < examples.length; b++) {
      offsets[b + 1] = Math.addExact(offsets[b], sequences.get(b).length);
      examples[b] = b;
    }
    int[] tokenIds = new int[offsets[examples.length]];
    for (int b = 0; b < examples.length; b++) {
      System.arraycopy(sequences.get(b), 0, tokenIds, offsets[b], sequences.get(b).length);
    }
    return new Batch(tokenIds, offsets, targets, tokenIds.length, examples, 0, 0);
  }

  /** The next token of each token within its sequence, {@code (N)}. */
  static int[] nextTokens(int[] tokenIds, int[] offsets) {
    int[] targets = new int[tokenIds.length];
    System.arraycopy(tokenIds, 1, targets, 0, tokenIds.length - 1);
    for (int b = 1; b < offsets.length; b++) {
      targets[offsets[b] - 1] = IGNORE_INDEX;
    }
    return targets;
  }

  /**
   * The number of sequences.
   *
   * @return B
   */
  public int size() {
    return examples.length;
  }

  private static String excerpt(int[] offsets) {
    int shown = Math.min(offsets.length, 16);
    return Arrays.toString(Arrays.copyOf(offsets, shown)) + (shown < offsets.length ? "..." : "");
  }
}
