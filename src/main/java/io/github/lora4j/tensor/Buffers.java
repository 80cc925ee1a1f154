package io.github.lora4j.tensor;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The large arrays of one training step, used again by the next: a step of GPT-2 fills more than a
 * gigabyte, and fresh memory costs its zeroing and the garbage collector's time.
 *
 * <p>Given to the {@link Tape} of each step in turn; used by one thread. An array comes back as
 * soon as the backward pass is done with it, so the tensors of a tape with buffers, but for the
 * loss and the parameters, hold their values only until its backward pass begins or the next tape
 * is made with the same buffers. Arrays of a length that a whole step did not ask for are let go.
 */
public final class Buffers {

  /** Shorter arrays are cheaper to make than to keep account of. */
  private static final int SHORTEST = 1024;

  private final Map<Integer, ArrayDeque<float[]>> free = new HashMap<>();
  private final Set<float[]> lent = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Integer> askedFor = new HashSet<>();

  /** Creates an empty store. */
  public Buffers() {}

  /** An array whose elements may be anything. */
  float[] take(int length) {
    if (length < SHORTEST) {
      return new float[length];
    }
    askedFor.add(length);
    ArrayDeque<float[]> stock = free.get(length);
    float[] array = stock == null || stock.isEmpty() ? new float[length] : stock.removeLast();
    lent.add(array);
    return array;
  }

  /** Takes an array back, if it was lent here and has not come back yet. */
  void release(float[] array) {
    if (lent.remove(array)) {
      free.computeIfAbsent(array.length, length -> new ArrayDeque<>()).addLast(array);
    }
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
    free.keySet().retainAll(askedFor);
    askedFor.clear();
  }
}
