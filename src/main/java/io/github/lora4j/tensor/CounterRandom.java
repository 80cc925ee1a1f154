package io.github.lora4j.tensor;

import java.nio.charset.StandardCharsets;

/**
 * Random numbers as a pure function of a key and an index, so that they depend neither on the
 * number of threads nor on what was drawn before, and nothing has to be saved to resume.
 *
 * <p>The function is the finaliser of SplitMix64 (Steele et al. 2014) over {@code key + index *
 * golden ratio}.
 */
public final class CounterRandom {

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private CounterRandom() {}

  /**
   * A key made of several numbers, for instance seed, epoch, step and place. The order matters.
   *
   * @param parts the numbers
   * @return the key
   */
  public static long key(long... parts) {
    long key = 0;
    for (long part : parts) {
      key = bits(key ^ part, 1);
    }
    return key;
  }

  /**
   * A number for a name, the same on every machine (FNV-1a of its UTF-8 bytes).
   *
   * @param name any text
   * @return a part of a {@link #key}
   */
  public static long place(String name) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
    }
    return hash;
  }

  /**
   * 64 random bits.
   *
   * @param key the key
   * @param index which number of that key
   * @return the bits
   */
  public static long bits(long key, long index) {
    long z = key + (index + 1) * GOLDEN_GAMMA;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  /**
   * A uniform number.
   *
   * @param key the key
   * @param index which number of that key
   * @return a multiple of 2^-24 in [0, 1)
   */
  public static float uniform(long key, long index) {
    return (bits(key, index) >>> 40) * 0x1p-24f;
  }

  /**
   * A standard normal number, by the Box-Muller transform in double precision.
   *
   * @param key the key
   * @param index which number of that key
   * @return a number with mean 0 and variance 1
   */
  public static double gaussian(long key, long index) {
    double first = ((bits(key, 2 * index) >>> 11) + 1) * 0x1p-53;
    double second = (bits(key, 2 * index + 1) >>> 11) * 0x1p-53;
    return StrictMath.sqrt(-2 * StrictMath.log(first)) * StrictMath.cos(2 * Math.PI * second);
  }

  /**
   * Uniform numbers in {@code [-bound, bound)}.
   *
   * @param key the key
   * @param bound the half width
   * @param values overwritten
   */
  public static void fillUniform(long key, float bound, float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (2 * uniform(key, i) - 1) * bound;
    }
  }

  /**
   * Normal numbers with mean 0.
   *
   * @param key the key
   * @param deviation the standard deviation
   * @param values overwritten
   */
  public static void fillGaussian(long key, float deviation, float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * gaussian(key, i));
    }
  }
}
