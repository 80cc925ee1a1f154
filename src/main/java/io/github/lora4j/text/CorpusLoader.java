package io.github.lora4j.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Batches of a corpus for a language model: each piece is a sequence, and the target of a token is
 * the next one of its piece.
 *
 * <p>Immutable: each of the methods that change a setting returns a new loader.
 */
public final class CorpusLoader implements BatchSource {

  private final TextCorpus corpus;
  private final EpochPlan plan;

  /**
   * Loads a corpus in the order of its pieces.
   *
   * @param corpus the pieces; may be empty, then there are no batches
   * @param batchSize pieces in a batch, at least 1
   */
  public CorpusLoader(TextCorpus corpus, int batchSize) {
    this(corpus, new EpochPlan(corpus.size(), batchSize, null, false));
  }

  private CorpusLoader(TextCorpus corpus, EpochPlan plan) {
    this.corpus = corpus;
    this.plan = plan;
  }

  /**
   * Draws the pieces of each epoch in an order of its own, a function of the seed and the epoch
   * alone.
   *
   * @param seed any number
   * @return a new loader
   */
  public CorpusLoader shuffled(long seed) {
    return new CorpusLoader(corpus, plan.shuffled(seed));
  }

  /**
   * Leaves out the last batch of an epoch if it is smaller than the others.
   *
   * @return a new loader
   * @throws IllegalArgumentException if there are pieces, but fewer than fill one batch
   */
  public CorpusLoader droppingLast() {
    return new CorpusLoader(corpus, plan.droppingLast());
  }

  /**
   * Identifies what is learnt from: the token ids of each piece in the order of the corpus. Neither
   * the batch size nor the order of the batches changes it.
   *
   * @return a SHA-256 in 64 hexadecimal digits
   */
  public String fingerprint() {
    Fingerprint digest = new Fingerprint().add(corpus.size());
    for (int piece = 0; piece < corpus.size(); piece++) {
      digest.add(corpus.piece(piece));
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
    return corpus.size();
  }

  private Batch batch(int[] pieces, int epoch, int number) {
    List<int[]> sequences = new ArrayList<>(pieces.length);
    for (int piece : pieces) {
      sequences.add(corpus.piece(piece));
    }
    Batch batch = Batch.forLanguageModel(sequences);
    return new Batch(
        batch.tokenIds(),
        batch.offsets(),
        batch.targets(),
        batch.realTokens(),
        pieces,
        epoch,
        number);
  }
}
