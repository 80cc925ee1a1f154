package io.github.lora4j.train;

import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Batch;

/** Adds up the metrics of one batch after another. */
final class MetricsCounter {

  /** Above so many columns, scores are those of a vocabulary and no confusion is counted. */
  private static final int MOST_CLASSES = 1000;

  private double lossSum;
  private long targets;
  private long right;
  private long[][] confusion = new long[0][0];

  void add(Tensor logits, Batch batch) {
    int[] expected = batch.targets();
    int classes = logits.shape().columns();
    long counted = 0;
    boolean classification = expected.length == batch.offsets().length - 1;
    if (classification && confusion.length == 0 && classes <= MOST_CLASSES) {
      confusion = new long[classes][classes];
    }
    for (int row = 0; row < expected.length; row++) {
      if (expected[row] != Batch.IGNORE_INDEX) {
        int told = largest(logits.data(), row * classes, classes);
        right += told == expected[row] ? 1 : 0;
        counted++;
        if (confusion.length > 0) {
          confusion[expected[row]][told]++;
        }
      }
    }
    if (counted > 0) {
      lossSum += counted * (double) logits.crossEntropy(expected, Batch.IGNORE_INDEX).item();
      targets += counted;
    }
  }

  private static int largest(float[] scores, int from, int count) {
    int largest = 0;
    for (int j = 1; j < count; j++) {
      largest = scores[from + j] > scores[from + largest] ? j : largest;
    }
    return largest;
  }

  Metrics metrics() {
    return targets == 0
        ? new Metrics(Double.NaN, 0, 0, confusion)
        : new Metrics(lossSum / targets, targets, (double) right / targets, confusion);
  }
}
