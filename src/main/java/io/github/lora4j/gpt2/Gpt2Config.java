package io.github.lora4j.gpt2;

/**
 * The sizes of a GPT-2.
 *
 * @param vocabSize V, the number of token ids, 1 to 2^20
 * @param contextLength the most tokens of a sequence ({@code n_positions}), 1 to 2^17
 * @param nEmbd C, the channels, 1 to 2^15; a multiple of the heads
 * @param nLayer the number of blocks, 1 to 512
 * @param nHead NH, the number of attention heads, at least 1
 * @param nInner the channels inside the MLP, 1 to 2^17; 4C in every published model
 * @param layerNormEpsilon added to the variance in layer norms, above 0
 */
public record Gpt2Config(
    int vocabSize,
    int contextLength,
    int nEmbd,
    int nLayer,
    int nHead,
    int nInner,
    float layerNormEpsilon) {

  private static final int PUBLISHED_VOCABULARY = 50257;
  private static final int PUBLISHED_CONTEXT = 1024;

  /** Checks the ranges. */
  public Gpt2Config {
    checkRange("vocab_size", vocabSize, 1 << 20);
    checkRange("n_positions", contextLength, 1 << 17);
    checkRange("n_embd", nEmbd, 1 << 15);
    checkRange("n_layer", nLayer, 512);
    checkRange("n_head", nHead, 1 << 15);
    checkRange("n_inner", nInner, 1 << 17);
    if (nEmbd % nHead != 0) {
      throw new IllegalArgumentException(
          "n_embd must be a multiple of n_head, got %d and %d".formatted(nEmbd, nHead));
    }
    if (!(layerNormEpsilon > 0 && layerNormEpsilon < 1)) {
      throw new IllegalArgumentException(
          "layer_norm_epsilon must be in (0, 1), got " + layerNormEpsilon);
    }
  }

  private static void checkRange(String key, int value, int largest) {
    if (value < 1 || value > largest) {
      throw new IllegalArgumentException(
          "%s must be in [1, %d], got %d".formatted(key, largest, value));
    }
  }

  private static Gpt2Config published(int nEmbd, int nLayer, int nHead) {
    return new Gpt2Config(
        PUBLISHED_VOCABULARY, PUBLISHED_CONTEXT, nEmbd, nLayer, nHead, 4 * nEmbd, 1e-5f);
  }

  /**
   * The published {@code gpt2}, 124 million parameters.
   *
   * @return its sizes
   */
  public static Gpt2Config small() {
    return published(768, 12, 12);
  }

  /**
   * The published {@code gpt2-medium}, 355 million parameters.
   *
   * @return its sizes
   */
  public static Gpt2Config medium() {
    return published(1024, 24, 16);
  }

  /**
   * The published {@code gpt2-large}, 774 million parameters.
   *
   * @return its sizes
   */
  public static Gpt2Config large() {
    return published(1280, 36, 20);
  }

  /**
   * The published {@code gpt2-xl}, 1.5 billion parameters.
   *
   * @return its sizes
   */
  public static Gpt2Config xl() {
    return published(1600, 48, 25);
  }
}
