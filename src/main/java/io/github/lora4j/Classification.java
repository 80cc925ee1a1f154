package io.github.lora4j;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a classifier says of a text.
 *
 * @param label the most probable class
 * @param probabilities the probability of each class by its name, in the order of the labels; they
 *     add up to 1
 */
public record Classification(String label, Map<String, Double> probabilities) {

  /** Copies the map. */
  public Classification {
    probabilities = Collections.unmodifiableMap(new LinkedHashMap<>(probabilities));
  }

  /** The soft-max of one row of logits, in double precision. */
  static Classification of(List<String> labels, float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    double sum = 0;
    for (float logit : logits) {
      sum += StrictMath.exp((double) logit - logits[best]);
    }
    Map<String, Double> probabilities = new LinkedHashMap<>();
    for (int i = 0; i < logits.length; i++) {
      probabilities.put(labels.get(i), StrictMath.exp((double) logits[i] - logits[best]) / sum);
    }
    return new Classification(labels.get(best), probabilities);
  }

  /**
   * How sure the classifier is.
   *
   * @return the probability of the label, in (0, 1]
   */
  public double probability() {
    return probabilities.getOrDefault(label, 0.0);
  }
}
