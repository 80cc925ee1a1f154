package io.github.lora4j.text;

/**
 * A text and its class.
 *
 * @param text the text
 * @param label the index of its class among the labels of its data set, at least 0
 */
public record Example(String text, int label) {

  /** Checks the label. */
  public Example {
    if (label < 0) {
      throw new IllegalArgumentException("example: expected a label of at least 0, got " + label);
    }
  }
}
