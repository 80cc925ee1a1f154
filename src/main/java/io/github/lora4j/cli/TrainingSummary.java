package io.github.lora4j.cli;

import io.github.lora4j.train.TrainingReceipt;
import io.github.lora4j.train.TrainingResult;

/** Prints what a training did, and as errors what its receipt complains of. */
final class TrainingSummary {

  private TrainingSummary() {}

  static void print(Output output, TrainingResult result, TrainingReceipt receipt) {
    output.line(
        "training  %,d steps in %.1f s, %,.0f tokens/s",
        result.steps(), result.seconds(), result.tokensPerSecond());
    output.line("receipt   %s%n", receipt);
    receipt.complaints().forEach(complaint -> output.note("error: receipt: %s", complaint));
  }
}
