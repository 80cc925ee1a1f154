package io.github.lora4j.tensor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The large arrays of one training step, used again by the next: a step of GPT-2 fills more than
 * half a gigabyte, and fresh memory costs its zeroing and the garbage collector's time.
 *
 * <p>Given to the {@link Tape} of each step in turn; used by one thread. An array comes back as
 * soon as the backward pass is done with it, so the tensors of a tape with buffers, but for the
 * loss and the parameters, hold their values only until its backward pass begins or the next tape
 * is made with the same buffers.
 *
 * <p>Nearly all lengths of a step are multiples of its number of tokens. So arrays are kept by what
 * their length is to that of the first request of their step: a step with fewer tokens uses the
 * arrays of a longer one for the same purposes, and once the longest has been seen nothing new is
 * allocated. Kinds that a whole step did not ask for are let go.
 */
public final class Buffers {

  /** Shorter arrays are cheaper to make than to keep account of. */
  private static final int SHORTEST = 1024;

  /** Lengths are told apart in this part of the first request; shorter ones by powers of two. */
  private static final int PARTS = 8;

  private final Map<Integer, ArrayDeque<float[]>> free = new HashMap<>();
  private final Map<float[], Integer> lent = new IdentityHashMap<>();
  private final Set<Integer> askedFor = new HashSet<>();
  private int first;

  /** Creates an empty store. */
  public Buffers() {}

  /** An array at least this long, whose elements may be anything. */
  float[] take(int length) {
    if (length < SHORTEST) {
      return new float[length];
    }
    if (first == 0) {
      first = length;
    }
    boolean large = (long) PARTS * length >= first;
    int exponent = Integer.SIZE - Integer.numberOfLeadingZeros(length - 1);
    int kind = large ? (int) Math.round((double) PARTS * length / first) : -exponent;
    askedFor.add(kind);
    ArrayDeque<float[]> stock = free.get(kind);
    float[] array = stock == null ? null : stock.pollLast();
    if (array == null || array.length < length) {
      array = new float[large ? length : 1 << exponent];
    }
    lent.put(array, kind);
    return array;
  }

  /**
   * Takes an array back, if it was lent here and has not come back yet.
   *
   * @return whether it was
   */
  boolean release(float[] array) {
    Integer kind = lent.remove(array);
    if (kind == null) {
      return false;
    }
    free.computeIfAbsent(kind, any -> new ArrayDeque<>()).addLast(array);
    return true;
  }

  /** All arrays, lent or not. */
  List<float[]> all() {
    List<float[]> arrays = new ArrayList<>(lent.keySet());
    free.values().forEach(arrays::addAll);
    return arrays;
  }

  /** How many arrays there are, lent or not. */
  int size() {
    return all().size();
  }

  /** Takes all arrays back: a new step begins. */
  void nextStep() {
    new ArrayList<>(lent.keySet()).forEach(this::release);
    free.keySet().retainAll(askedFor);
    askedFor.clear();
    first = 0;
  }
}
