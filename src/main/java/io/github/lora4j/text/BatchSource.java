package io.github.lora4j.text;

/**
 * What a training or an evaluation reads: a number of examples, handed out in batches once an
 * epoch.
 *
 * <p>Immutable: the batches of an epoch are a pure function of the source and the epoch's number.
 */
public interface BatchSource {

  /**
   * The batches of one epoch, each made when it is asked for.
   *
   * @param epoch the epoch, from 0
   * @return its batches in order; may be iterated more than once and by several threads at a time
   * @throws IllegalArgumentException if the epoch is negative
   */
  Iterable<Batch> epoch(int epoch);

  /**
   * The number of batches in every epoch.
   *
   * @return how many {@link #epoch} hands out
   */
  int batchesPerEpoch();

  /**
   * The number of examples it draws from, those that a last small batch drops included.
   *
   * @return the number of examples
   */
  int size();
}
