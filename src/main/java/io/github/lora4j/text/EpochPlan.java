package io.github.lora4j.text;

import java.util.Arrays;
import java.util.Iterator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Which examples stand in which batch of which epoch.
 *
 * @param examples how many there are
 * @param batchSize examples in a batch, at least 1
 * @param seed of the shuffle; null for the given order
 * @param dropLast whether a last batch smaller than the others is left out
 */
record EpochPlan(int examples, int batchSize, @Nullable Long seed, boolean dropLast) {

  EpochPlan {
    if (batchSize < 1) {
      throw new IllegalArgumentException("batch size: expected at least 1, got " + batchSize);
    }
    if (dropLast && examples > 0 && examples < batchSize) {
      throw new IllegalArgumentException(
          "droppingLast: expected at least one full batch of "
              + batchSize
              + ", got "
              + examples
              + " examples (choose a smaller batch, or keep the last one)");
    }
  }

  /** Makes a batch of the given examples. */
  @FunctionalInterface
  interface Assembler {
    Batch batch(int[] examples, int epoch, int number);
  }

  EpochPlan shuffled(long newSeed) {
    return new EpochPlan(examples, batchSize, newSeed, dropLast);
  }

  EpochPlan droppingLast() {
    return new EpochPlan(examples, batchSize, seed, true);
  }

  int batches() {
    return dropLast ? examples / batchSize : (int) (((long) examples + batchSize - 1) / batchSize);
  }

  Iterable<Batch> epoch(int epoch, Assembler assembler) {
    if (epoch < 0) {
      throw new IllegalArgumentException("epoch: expected at least 0, got " + epoch);
    }
    return () -> batches(epoch, assembler);
  }

  private Iterator<Batch> batches(int epoch, Assembler assembler) {
    int[] order =
        seed == null
            ? IntStream.range(0, examples).toArray()
            : SeededShuffle.order(examples, seed, epoch);
    return IntStream.range(0, batches())
        .mapToObj(
            number -> {
              int from = number * batchSize;
              int to = (int) Math.min((long) from + batchSize, examples);
              return assembler.batch(Arrays.copyOfRange(order, from, to), epoch, number);
            })
        .iterator();
  }
}
