package io.github.lora4j.tensor;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The large arrays of one training step, used again by the next: a step of GPT-2 fills more than
 * half a gigabyte, and fresh memory costs its zeroing and the garbage collector's time.
 *
 * <p>Given to the {@link Tape} of each step in turn; used by one thread. An array comes back as
 * soon as the backward pass is done with it, so the tensors of a tape with buffers, but for the
 * loss and the parameters, hold their values only until its backward pass begins or the next tape
 * is made with the same buffers.
 *
 * <p>A request gets the shortest array that is long enough. Steps of different sizes so share the
 * arrays of the largest, and once that has been seen nothing new is allocated.
 */
public final class Buffers {

  /** Shorter arrays are cheaper to make than to keep account of. */
  private static final int SHORTEST = 1024;

  private final TreeMap<Integer, ArrayDeque<float[]>> free = new TreeMap<>();
  private final Set<float[]> lent = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Creates an empty store. */
  public Buffers() {}

  /** An array at least this long, whose elements may be anything. */
  float[] take(int length) {
    if (length < SHORTEST) {
      return new float[length];
    }
    Map.Entry<Integer, ArrayDeque<float[]>> stock = free.ceilingEntry(length);
    float[] array;
    if (stock == null) {
      array = grown(length);
    } else {
      array = stock.getValue().removeLast();
      if (stock.getValue().isEmpty()) {
        free.remove(stock.getKey());
      }
    }
    lent.add(array);
    return array;
  }

  /**
   * A new array in place of the longest that is free, which is too short for steps of this size.
   */
  private float[] grown(int length) {
    Map.Entry<Integer, ArrayDeque<float[]>> longest = free.lastEntry();
    if (longest != null) {
      longest.getValue().removeLast();
      if (longest.getValue().isEmpty()) {
        free.remove(longest.getKey());
      }
    }
    return new float[length];
  }

  /**
   * Takes an array back, if it was lent here and has not come back yet.
   *
   * @return whether it was
   */
  boolean release(float[] array) {
    if (!lent.remove(array)) {
      return false;
    }
    free.computeIfAbsent(array.length, length -> new ArrayDeque<>()).addLast(array);
    return true;
  }

  /** How many arrays there are, lent or not. */
  int size() {
    return lent.size() + free.values().stream().mapToInt(ArrayDeque::size).sum();
  }

  /** Takes all arrays back: a new step begins. */
  void nextStep() {
    for (float[] array : lent.toArray(new float[0][])) {
      release(array);
    }
  }
}
