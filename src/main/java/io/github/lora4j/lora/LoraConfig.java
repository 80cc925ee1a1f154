package io.github.lora4j.lora;

/**
 * What {@link Lora#apply} puts into a model.
 *
 * @param rank r, the inner size of the branch, in [1, {@value #MAX_RANK}]; may exceed the sizes of
 *     a small layer
 * @param alpha the branch is scaled by {@code alpha / rank}; finite, above 0
 * @param dropout the probability that an input of the branch is dropped while training, in [0, 1)
 * @param init how A starts
 * @param seed decides A, together with the path of each layer
 * @param targets which layers are adapted
 */
public record LoraConfig(
    int rank, float alpha, float dropout, LoraInit init, long seed, Targets targets) {

  /** The highest rank, far beyond any use. */
  public static final int MAX_RANK = 1 << 15;

  /** The seed of a configuration that names none. */
  public static final long DEFAULT_SEED = 123;

  /** Checks the numbers. */
  public LoraConfig {
    check(rank, alpha, dropout);
  }

  /**
   * A configuration with PEFT's initial values and no dropout, for every Linear.
   *
   * @param rank r
   * @param alpha the branch is scaled by {@code alpha / rank}
   * @return the configuration
   */
  public static LoraConfig of(int rank, float alpha) {
    return new LoraConfig(rank, alpha, 0, LoraInit.PEFT, DEFAULT_SEED, Targets.all());
  }

  /**
   * The same with dropout.
   *
   * @param probability in [0, 1)
   * @return a new configuration
   */
  public LoraConfig withDropout(float probability) {
    return new LoraConfig(rank, alpha, probability, init, seed, targets);
  }

  /**
   * The same with other initial values.
   *
   * @param start how A starts
   * @return a new configuration
   */
  public LoraConfig withInit(LoraInit start) {
    return new LoraConfig(rank, alpha, dropout, start, seed, targets);
  }

  /**
   * The same with another seed.
   *
   * @param number decides A
   * @return a new configuration
   */
  public LoraConfig withSeed(long number) {
    return new LoraConfig(rank, alpha, dropout, init, number, targets);
  }

  /**
   * The same for other layers.
   *
   * @param layers which layers are adapted
   * @return a new configuration
   */
  public LoraConfig withTargets(Targets layers) {
    return new LoraConfig(rank, alpha, dropout, init, seed, layers);
  }

  static void check(int rank, float alpha, float dropout) {
    if (rank < 1 || rank > MAX_RANK) {
      throw new IllegalArgumentException(
          "lora: a rank in [1, %d] expected, got %d".formatted(MAX_RANK, rank));
    }
    if (!(alpha > 0 && alpha < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("lora: a finite alpha above 0 expected, got " + alpha);
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException("lora: a dropout in [0, 1) expected, got " + dropout);
    }
  }
}
