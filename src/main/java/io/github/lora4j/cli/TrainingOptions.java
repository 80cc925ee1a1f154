package io.github.lora4j.cli;

import io.github.lora4j.lora.LoraConfig;
import picocli.CommandLine.Option;

/** The options that say how long and how fast is trained. */
final class TrainingOptions {

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the training data.")
  private int epochs;

  @Option(names = "--batch-size", paramLabel = "N", description = "Texts or pieces in a step.")
  private int batchSize;

  @Option(names = "--learning-rate", paramLabel = "X", description = "AdamW's rate.")
  private double learningRate;

  @Option(names = "--weight-decay", paramLabel = "X", description = "AdamW's decoupled decay.")
  private double weightDecay = 0.1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Decides all that is random: new weights, order and split.")
  private long seed = LoraConfig.DEFAULT_SEED;

  /** The options with their defaults. */
  TrainingOptions(int epochs, int batchSize, double learningRate) {
    this.epochs = epochs;
    this.batchSize = batchSize;
    this.learningRate = learningRate;
  }

  /** Checks the ranges. */
  void check() {
    Require.atLeast("--epochs", epochs, 1);
    Require.range("--batch-size", batchSize, 1, 1 << 16);
    Require.positive("--learning-rate", learningRate);
    Require.notNegative("--weight-decay", weightDecay);
  }

  int epochs() {
    return epochs;
  }

  int batchSize() {
    return batchSize;
  }

  float learningRate() {
    return (float) learningRate;
  }

  float weightDecay() {
    return (float) weightDecay;
  }

  long seed() {
    return seed;
  }
}
