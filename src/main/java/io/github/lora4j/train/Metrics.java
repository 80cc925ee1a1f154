package io.github.lora4j.train;

/**
 * How a model does on some data.
 *
 * @param loss mean cross-entropy, nats per target
 * @param targets how many targets were told
 * @param accuracy the share of targets whose score was the highest, in [0, 1]
 * @param confusion how often class i was taken for class j, {@code confusion[i][j]}; empty for a
 *     language model
 */
public record Metrics(double loss, long targets, double accuracy, long[][] confusion) {

  /**
   * The mean over the classes of F1, {@code 2 tp / (2 tp + fp + fn)}, a class that neither occurs
   * nor is told counting as 0.
   *
   * @return the macro F1 in [0, 1]; 0 for a language model
   */
  public double macroF1() {
    double sum = 0;
    for (int i = 0; i < confusion.length; i++) {
      long both = 0;
      for (int j = 0; j < confusion.length; j++) {
        both += confusion[i][j] + confusion[j][i];
      }
      sum += both == 0 ? 0 : 2.0 * confusion[i][i] / both;
    }
    return confusion.length == 0 ? 0 : sum / confusion.length;
  }

  /**
   * How many tokens the model hesitates between on average, {@code exp(loss)}.
   *
   * @return the perplexity, at least 1
   */
  public double perplexity() {
    return StrictMath.exp(loss);
  }
}
