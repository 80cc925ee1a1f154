package io.github.lora4j.cli;

import io.github.lora4j.text.Batch;
import io.github.lora4j.text.BatchSource;
import io.github.lora4j.train.LearningRate;
import java.util.Iterator;
import java.util.NoSuchElementException;

/** The end of a run by the clock: training sees no more batches after it. */
final class Deadline {

  private final long start = System.nanoTime();
  private final double seconds;

  private Deadline(double seconds) {
    this.seconds = seconds;
  }

  /** A deadline so many seconds from now. */
  static Deadline in(double seconds) {
    return new Deadline(seconds);
  }

  static Deadline none() {
    return new Deadline(Double.POSITIVE_INFINITY);
  }

  /** The share of the time that is over; 0 without a deadline. */
  double used() {
    return (System.nanoTime() - start) * 1e-9 / seconds;
  }

  /** The same batches, as long as there is time. */
  BatchSource limit(BatchSource batches) {
    return new BatchSource() {
      @Override
      public Iterable<Batch> epoch(int epoch) {
        Iterator<Batch> all = batches.epoch(epoch).iterator();
        return () ->
            new Iterator<>() {
              @Override
              public boolean hasNext() {
                return used() < 1 && all.hasNext();
              }

              @Override
              public Batch next() {
                if (!hasNext()) {
                  throw new NoSuchElementException();
                }
                return all.next();
              }
            };
      }

      @Override
      public int batchesPerEpoch() {
        return batches.batchesPerEpoch();
      }

      @Override
      public int size() {
        return batches.size();
      }
    };
  }

  /**
   * {@link LearningRate#warmupCosine} for a run that ends at its last step or at this deadline,
   * whichever comes first: the place on the cosine is the larger of the share of the steps that are
   * done and the share of the time that is over. With a deadline the rates, and so the results,
   * depend on the speed of the machine.
   */
  LearningRate warmupCosine(float peak, long warmupSteps, long totalSteps) {
    LearningRate bySteps = LearningRate.warmupCosine(peak, warmupSteps, totalSteps);
    if (seconds == Double.POSITIVE_INFINITY) {
      return bySteps;
    }
    return step -> {
      long stepByTime = (long) (Math.min(used(), 1) * totalSteps);
      return bySteps.at(step < warmupSteps ? step : Math.max(step, stepByTime));
    };
  }
}
