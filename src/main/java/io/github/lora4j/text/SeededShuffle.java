package io.github.lora4j.text;

/**
 * Random orders as a pure function of (seed, stream): no state, the same on every machine and after
 * a resume.
 *
 * <p>A Fisher-Yates shuffle whose i-th draw is the finaliser of SplitMix64 (Steele, Lea and Flood,
 * "Fast splittable pseudorandom number generators", 2014) applied to a counter.
 */
public final class SeededShuffle {

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private SeededShuffle() {}

  /**
   * A random order of the numbers 0 to n - 1.
   *
   * @param n how many, at least 0
   * @param seed any number
   * @param stream tells orders of one seed apart, such as the epoch
   * @return a permutation; the caller may change it
   * @throws IllegalArgumentException if n is negative
   */
  public static int[] order(int n, long seed, long stream) {
    if (n < 0) {
      throw new IllegalArgumentException("order: expected at least 0 numbers, got " + n);
    }
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    long key = mix(mix(seed + GOLDEN_GAMMA) ^ stream);
    for (int i = n - 1; i > 0; i--) {
      long bits = mix(key + i * GOLDEN_GAMMA) >>> 32;
      int j = (int) (bits * (i + 1L) >>> 32);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  private static long mix(long z) {
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }
}
