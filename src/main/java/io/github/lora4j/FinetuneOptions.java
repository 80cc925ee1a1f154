package io.github.lora4j;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraInit;
import java.util.Locale;

/**
 * How a classifier is finetuned.
 *
 * @param lora rank, alpha, dropout, initial values and targets of the branches; its seed decides A
 * @param layout whether query, key and value are adapted as one Linear or as three
 * @param baseFormat the numbers in which the frozen weights of the base are held
 * @param head whether the head is trained through a LoRA or in full
 * @param padding to how many tokens texts are padded: {@link #NO_PADDING}, {@link #LONGEST}, or a
 *     number
 * @param maxLength where longer texts are cut, in tokens; 0 for the most that the model takes
 * @param epochs how often the training data is gone through, at least 1
 * @param batchSize examples in a step, at least 1
 * @param learningRate AdamW's constant rate, above 0
 * @param weightDecay AdamW's decoupled decay, at least 0
 * @param seed decides the head and the order of the examples
 */
public record FinetuneOptions(
    LoraConfig lora,
    QkvLayout layout,
    WeightFormat baseFormat,
    ClassifierHead head,
    int padding,
    int maxLength,
    int epochs,
    int batchSize,
    float learningRate,
    float weightDecay,
    long seed) {

  /** Texts as they are, laid end to end: nothing is computed for padding. */
  public static final int NO_PADDING = 0;

  /** Padding to the longest text of the training data. */
  public static final int LONGEST = -1;

  private static final LoraConfig LORA = LoraConfig.of(16, 16);

  /**
   * Rank 16 and alpha 16 on every Linear of a base in float32, five epochs of batches of 8 at a
   * rate of 8e-4 with a decay of 0.1, no padding.
   */
  public static final FinetuneOptions DEFAULT =
      new FinetuneOptions(
          LORA,
          QkvLayout.SPLIT,
          WeightFormat.FLOAT32,
          ClassifierHead.LORA,
          NO_PADDING,
          0,
          5,
          8,
          8e-4f,
          0.1f,
          LoraConfig.DEFAULT_SEED);

  /** Checks the numbers. */
  public FinetuneOptions {
    if (padding < LONGEST || maxLength < 0 || epochs < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          ("finetune: padding of at least -1, a maximum length of at least 0 and at least 1 epoch and 1"
                  + " example in a batch expected, got %d, %d, %d and %d")
              .formatted(padding, maxLength, epochs, batchSize));
    }
  }

  /**
   * The recipe of appendix E of Raschka, "Build a Large Language Model (From Scratch)": as {@link
   * #DEFAULT}, but A starts larger and texts are padded to the longest.
   *
   * @return the options
   */
  public static FinetuneOptions book() {
    return DEFAULT.withLora(LORA.withInit(LoraInit.BOOK)).withPadding(LONGEST);
  }

  /**
   * The same with other branches.
   *
   * @param branches rank, alpha and the rest
   * @return new options
   */
  public FinetuneOptions withLora(LoraConfig branches) {
    return new FinetuneOptions(
        branches,
        layout,
        baseFormat,
        head,
        padding,
        maxLength,
        epochs,
        batchSize,
        learningRate,
        weightDecay,
        seed);
  }

  /**
   * The same with the base held in another format, see {@link LoadOptions#withFormat}.
   *
   * @param format the numbers in which its frozen weights are held
   * @return new options
   */
  public FinetuneOptions withBaseFormat(WeightFormat format) {
    return new FinetuneOptions(
        lora,
        layout,
        format,
        head,
        padding,
        maxLength,
        epochs,
        batchSize,
        learningRate,
        weightDecay,
        seed);
  }

  /**
   * The same with another padding.
   *
   * @param tokens {@link #NO_PADDING}, {@link #LONGEST}, or a number of tokens
   * @return new options
   */
  public FinetuneOptions withPadding(int tokens) {
    return new FinetuneOptions(
        lora,
        layout,
        baseFormat,
        head,
        tokens,
        maxLength,
        epochs,
        batchSize,
        learningRate,
        weightDecay,
        seed);
  }

  /**
   * The same with another number of epochs.
   *
   * @param number at least 1
   * @return new options
   */
  public FinetuneOptions withEpochs(int number) {
    return new FinetuneOptions(
        lora,
        layout,
        baseFormat,
        head,
        padding,
        maxLength,
        number,
        batchSize,
        learningRate,
        weightDecay,
        seed);
  }

  /**
   * The same with another seed, also for the branches.
   *
   * @param number any number
   * @return new options
   */
  public FinetuneOptions withSeed(long number) {
    return new FinetuneOptions(
        lora.withSeed(number),
        layout,
        baseFormat,
        head,
        padding,
        maxLength,
        epochs,
        batchSize,
        learningRate,
        weightDecay,
        number);
  }

  /**
   * How the base is to be read.
   *
   * @return its layout and format
   */
  public LoadOptions loadOptions() {
    return LoadOptions.DEFAULT.withLayout(layout).withFormat(baseFormat);
  }

  /**
   * The base's format as adapters and messages name it.
   *
   * @return such as {@code float32}
   */
  public String baseFormatName() {
    return baseFormat.name().toLowerCase(Locale.ROOT);
  }
}
