package io.github.lora4j.train;

import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Batch;
import io.github.lora4j.text.BatchSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells the class of a sequence from its last token. */
final class LastToken extends SequenceModel {

  static final int VOCABULARY = 8;
  static final int CHANNELS = 8;

  private final Embedding table;
  private final Slot head;

  LastToken() {
    Tensor values = Tensor.zeros(VOCABULARY, CHANNELS);
    CounterRandom.fillGaussian(7, 1, values.data());
    table = child("table", new Embedding(Parameter.frozen(values)));
    head = slot("head", new Linear(CHANNELS, 2, true, 3));
  }

  @Override
  public Tensor forward(Sequences batch, @Nullable Tape tape) {
    return head.forward(table.forward(batch.tokenIds(), tape).gatherRows(batch.lastTokens()));
  }

  @Override
  public int contextLength() {
    return 100;
  }

  @Override
  public int vocabularySize() {
    return VOCABULARY;
  }

  /** The same batches in each epoch: a token below 4 is class 0. */
  static BatchSource batches(int count) {
    List<Batch> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int first = i % VOCABULARY;
      int second = (i + 5) % VOCABULARY;
      batches.add(
          Batch.forClassification(
              List.of(new int[] {1, first}, new int[] {second}),
              new int[] {first < 4 ? 0 : 1, second < 4 ? 0 : 1}));
    }
    return new BatchSource() {
      @Override
      public Iterable<Batch> epoch(int epoch) {
        return batches;
      }

      @Override
      public int batchesPerEpoch() {
        return batches.size();
      }

      @Override
      public int size() {
        return 2 * batches.size();
      }
    };
  }
}
