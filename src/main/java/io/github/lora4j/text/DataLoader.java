package io.github.lora4j.text;

import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Batches of a labelled data set. Each text is tokenized once, when the loader is made; a sequence
 * has as many tokens as its text unless {@link #maxLength} or {@link #padding} say otherwise.
 *
 * <pre>{@code
 * DataLoader train = new DataLoader(data, tokenizer, 8).shuffled(123).droppingLast();
 * for (Batch batch : train.epoch(0)) { ... }
 * }</pre>
 *
 * <p>Immutable: each of the methods that change a setting returns a new loader, which shares the
 * tokens.
 */
public final class DataLoader implements BatchSource {

  private static final Logger LOG = LoggerFactory.getLogger(DataLoader.class);

  private final int[][] sequences;
  private final int[] labels;
  private final EpochPlan plan;
  private final int maxLength;
  private final Padding padding;

  /**
   * Tokenizes a data set.
   *
   * @param data the examples; may be empty, then there are no batches
   * @param tokenizer turns their texts into token ids
   * @param batchSize examples in a batch, at least 1
   * @throws IllegalArgumentException if a text has no token, or the batch size is below 1
   */
  public DataLoader(TextDataset data, Tokenizer tokenizer, int batchSize) {
    this.plan = new EpochPlan(data.size(), batchSize, null, false);
    this.maxLength = Integer.MAX_VALUE;
    this.padding = Padding.none();
    this.sequences = new int[data.size()][];
    this.labels = new int[data.size()];
    for (int i = 0; i < labels.length; i++) {
      Example example = data.examples().get(i);
      sequences[i] = tokenizer.encode(example.text());
      labels[i] = example.label();
      if (sequences[i].length == 0) {
        throw new IllegalArgumentException(
            "DataLoader: expected at least one token in every text of "
                + data.name()
                + ", got the empty text in example "
                + i
                + " [CS-14]");
      }
    }
  }

  private DataLoader(DataLoader loader, EpochPlan plan, int maxLength, Padding padding) {
    this.sequences = loader.sequences;
    this.labels = loader.labels;
    this.plan = plan;
    this.maxLength = maxLength;
    this.padding = padding;
    if (padding.length() > maxLength) {
      throw new IllegalArgumentException(
          "padding: expected a length of at most the maximum length "
              + maxLength
              + ", got "
              + padding.length());
    }
  }

  /**
   * Draws the examples of each epoch in an order of its own, a function of the seed and the epoch
   * alone.
   *
   * @param seed any number
   * @return a new loader
   */
  public DataLoader shuffled(long seed) {
    return new DataLoader(this, plan.shuffled(seed), maxLength, padding);
  }

  /**
   * Leaves out the last batch of an epoch if it is smaller than the others.
   *
   * @return a new loader
   * @throws IllegalArgumentException if there are examples, but fewer than fill one batch
   */
  public DataLoader droppingLast() {
    return new DataLoader(this, plan.droppingLast(), maxLength, padding);
  }

  /**
   * Cuts longer texts to their first tokens and warns once how many there are.
   *
   * @param tokens the longest sequence, in tokens, at least 1
   * @return a new loader
   */
  public DataLoader maxLength(int tokens) {
    if (tokens < 1) {
      throw new IllegalArgumentException("maxLength: expected at least 1 token, got " + tokens);
    }
    return new DataLoader(this, plan, tokens, padding).warnIfTruncated(tokens);
  }

  /**
   * Pads every sequence to one length, and cuts longer ones to it with a warning. To pad to the
   * longest text of the training data, give {@code Padding.to(train.longestSequence(), id)} to all
   * loaders.
   *
   * @param newPadding the length and the token to append
   * @return a new loader
   * @throws IllegalArgumentException if its length is over the maximum length
   */
  public DataLoader padding(Padding newPadding) {
    DataLoader padded = new DataLoader(this, plan, maxLength, newPadding);
    return newPadding.isNone() ? padded : padded.warnIfTruncated(newPadding.length());
  }

  private DataLoader warnIfTruncated(int tokens) {
    int truncated = truncatedExamples();
    if (truncated > 0) {
      LOG.warn("{} of {} texts are longer than {} tokens and were cut", truncated, size(), tokens);
    }
    return this;
  }

  /**
   * The number of texts that are cut.
   *
   * @return how many examples have more tokens than the maximum length or the padding's allow
   */
  public int truncatedExamples() {
    int limit = limit();
    return (int) Arrays.stream(sequences).filter(ids -> ids.length > limit).count();
  }

  /**
   * The length of the longest sequence, cut to the maximum length, before padding.
   *
   * @return its tokens; 0 if there are no examples
   */
  public int longestSequence() {
    int longest = Arrays.stream(sequences).mapToInt(ids -> ids.length).max().orElse(0);
    return Math.min(longest, maxLength);
  }

  /**
   * Identifies what is learnt from: of each example in the order of the data set the class and the
   * token ids that are not cut. Neither the batch size nor the order of the batches changes it, and
   * padding does not unless it cuts.
   *
   * @return a SHA-256 in 64 hexadecimal digits
   */
  public String fingerprint() {
    int limit = limit();
    Fingerprint digest = new Fingerprint().add(sequences.length);
    for (int i = 0; i < sequences.length; i++) {
      int kept = Math.min(sequences[i].length, limit);
      digest.add(labels[i]).add(Arrays.copyOf(sequences[i], kept));
    }
    return digest.hex();
  }

  @Override
  public Iterable<Batch> epoch(int epoch) {
    return plan.epoch(epoch, this::batch);
  }

  @Override
  public int batchesPerEpoch() {
    return plan.batches();
  }

  @Override
  public int size() {
    return sequences.length;
  }

  private int limit() {
    return padding.isNone() ? maxLength : padding.length();
  }

  private Batch batch(int[] examples, int epoch, int number) {
    int limit = limit();
    int[] offsets = new int[examples.length + 1];
    int[] targets = new int[examples.length];
    int realTokens = 0;
    for (int b = 0; b < examples.length; b++) {
      int kept = Math.min(sequences[examples[b]].length, limit);
      realTokens += kept;
      offsets[b + 1] = Math.addExact(offsets[b], padding.isNone() ? kept : limit);
      targets[b] = labels[examples[b]];
    }
    int[] tokenIds = new int[offsets[examples.length]];
    for (int b = 0; b < examples.length; b++) {
      int[] sequence = sequences[examples[b]];
      int kept = Math.min(sequence.length, limit);
      System.arraycopy(sequence, 0, tokenIds, offsets[b], kept);
      Arrays.fill(tokenIds, offsets[b] + kept, offsets[b + 1], padding.tokenId());
    }
    return new Batch(tokenIds, offsets, targets, realTokens, examples, epoch, number);
  }
}
