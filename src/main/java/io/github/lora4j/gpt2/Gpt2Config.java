package io.github.lora4j.gpt2;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The sizes of a GPT-2, under the names of {@code config.json}.
 *
 * <p>Dropout probabilities of the base ({@code attn_pdrop}, {@code embd_pdrop}, {@code
 * resid_pdrop}) are not among them: the base is never run with dropout.
 *
 * @param vocabSize V, the number of token ids, from 1 to {@value #MAX_VOCAB_SIZE}
 * @param contextLength the longest sequence in tokens, {@code n_positions}, from 1 to {@value
 *     #MAX_POSITIONS}
 * @param nEmbd C, the number of channels, from 1 to {@value #MAX_EMBD}
 * @param nLayer the number of blocks, from 1 to {@value #MAX_LAYERS}
 * @param nHead NH, the number of heads; divides C
 * @param nInner the channels between the two layers of the MLP, from 1 to {@value #MAX_INNER}; 4C
 *     in every published model
 * @param layerNormEpsilon added to the variance by layer norms, above 0 and below 1
 */
public record Gpt2Config(
    int vocabSize,
    int contextLength,
    int nEmbd,
    int nLayer,
    int nHead,
    int nInner,
    float layerNormEpsilon) {

  /** The name of the file in a model's folder. */
  public static final String FILE_NAME = "config.json";

  static final int MAX_VOCAB_SIZE = 1 << 20;
  static final int MAX_POSITIONS = 1 << 20;
  static final int MAX_EMBD = 1 << 14;
  static final int MAX_LAYERS = 1 << 10;
  static final int MAX_INNER = 1 << 16;

  static final int MAX_ELEMENTS = Integer.MAX_VALUE - 8;

  static final int PUBLISHED_VOCAB_SIZE = 50257;
  private static final int PUBLISHED_POSITIONS = 1024;
  static final float PUBLISHED_EPSILON = 1e-5f;

  /** Checks every size. */
  public Gpt2Config {
    require("vocab_size", vocabSize, MAX_VOCAB_SIZE);
    require("n_positions", contextLength, MAX_POSITIONS);
    require("n_embd", nEmbd, MAX_EMBD);
    require("n_layer", nLayer, MAX_LAYERS);
    require("n_head", nHead, nEmbd);
    require("n_inner", nInner, MAX_INNER);
    if (nEmbd % nHead != 0) {
      throw new IllegalArgumentException(
          "Gpt2Config: n_embd divisible by n_head expected, got n_embd %d and n_head %d"
              .formatted(nEmbd, nHead));
    }
    if (!(layerNormEpsilon > 0 && layerNormEpsilon < 1)) {
      throw new IllegalArgumentException(
          "Gpt2Config: layer_norm_epsilon above 0 and below 1 expected, got " + layerNormEpsilon);
    }
    // The limits keep every other weight below that.
    if ((long) Math.max(vocabSize, contextLength) * nEmbd > MAX_ELEMENTS) {
      throw new IllegalArgumentException(
          "Gpt2Config: embeddings of at most %d numbers expected, got (%d, %d)"
              .formatted(MAX_ELEMENTS, Math.max(vocabSize, contextLength), nEmbd));
    }
  }

  private static void require(String key, int value, int max) {
    if (value < 1 || value > max) {
      throw new IllegalArgumentException(
          "Gpt2Config: %s from 1 to %d expected, got %d".formatted(key, max, value));
    }
  }

  /**
   * The published model {@code gpt2}, 124,439,808 parameters.
   *
   * @return 12 blocks, 12 heads, 768 channels
   */
  public static Gpt2Config small() {
    return published(768, 12, 12);
  }

  /**
   * The published model {@code gpt2-medium}, 354,823,168 parameters.
   *
   * @return 24 blocks, 16 heads, 1,024 channels
   */
  public static Gpt2Config medium() {
    return published(1024, 24, 16);
  }

  /**
   * The published model {@code gpt2-large}, 774,030,080 parameters.
   *
   * @return 36 blocks, 20 heads, 1,280 channels
   */
  public static Gpt2Config large() {
    return published(1280, 36, 20);
  }

  /**
   * The published model {@code gpt2-xl}, 1,557,611,200 parameters.
   *
   * @return 48 blocks, 25 heads, 1,600 channels
   */
  public static Gpt2Config xl() {
    return published(1600, 48, 25);
  }

  private static Gpt2Config published(int nEmbd, int nLayer, int nHead) {
    return new Gpt2Config(
        PUBLISHED_VOCAB_SIZE,
        PUBLISHED_POSITIONS,
        nEmbd,
        nLayer,
        nHead,
        4 * nEmbd,
        PUBLISHED_EPSILON);
  }

  /**
   * Reads a {@code config.json}. Keys that do not change what is computed are ignored; a value that
   * asks for another computation than GPT-2's is refused.
   *
   * @param file the file
   * @return the sizes it names
   * @throws ModelConfigFormatException if the file is malformed or a size is impossible
   * @throws io.github.lora4j.error.LimitExceededException if the file or a size is beyond all
   *     reason
   * @throws io.github.lora4j.error.UnsupportedFeatureException if it describes another model
   * @throws IOException if the file cannot be read
   */
  public static Gpt2Config read(Path file) throws IOException {
    return Gpt2ConfigReader.read(file);
  }

  /**
   * This configuration as the text of a {@code config.json} that transformers reads.
   *
   * @return JSON, its keys in a fixed order
   */
  public String toJson() {
    return Gpt2ConfigWriter.languageModel(this);
  }

  /**
   * How many numbers a model of these sizes has, without a head.
   *
   * @return the count
   */
  public long parameterCount() {
    return PublishedTensor.of(this).stream().mapToLong(tensor -> tensor.shape().numel()).sum();
  }
}
