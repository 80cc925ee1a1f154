package io.github.lora4j.train;

import java.util.List;

/**
 * What a training run did.
 *
 * @param steps how many steps were taken
 * @param tokens the tokens of all batches that are text
 * @param seconds the time of all steps, without evaluations
 * @param history the evaluations, in order
 */
public record TrainingResult(
    long steps, long tokens, double seconds, List<EvaluationReport> history) {

  /** Copies the history. */
  public TrainingResult {
    history = List.copyOf(history);
  }

  /**
   * What the last evaluation found; {@link Trainer#fit} makes one at the end.
   *
   * @return the metrics on the validation data
   * @throws IllegalStateException if there was none
   */
  public Metrics lastMetrics() {
    if (history.isEmpty()) {
      throw new IllegalStateException("lastMetrics: at least one evaluation expected, got none");
    }
    return history.get(history.size() - 1).validation();
  }

  /**
   * The speed of training.
   *
   * @return tokens of text per second
   */
  public double tokensPerSecond() {
    return seconds > 0 ? tokens / seconds : 0;
  }
}
