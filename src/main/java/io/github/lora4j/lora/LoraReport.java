package io.github.lora4j.lora;

import java.util.List;
import java.util.Locale;

/**
 * What {@link Lora} did to a model.
 *
 * @param adapted the paths of the Linear that were replaced by this call, in the order of the tree
 * @param trainedParameters how many numbers of the model are trained now
 * @param totalParameters how many numbers the model stores now, A and B included, shared ones once
 */
public record LoraReport(List<String> adapted, long trainedParameters, long totalParameters) {

  /** Copies the list. */
  public LoraReport {
    adapted = List.copyOf(adapted);
  }

  /** One line, such as {@code 73 Linear adapted, 2,666,528 of 127,107,874 parameters train}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%d Linear adapted, %,d of %,d parameters train",
        adapted.size(),
        trainedParameters,
        totalParameters);
  }
}
