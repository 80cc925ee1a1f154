package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Reads the metadata of an adapter, checked as it is used. Files of other programs state few facts:
 * for what is not stated the caller has a value.
 *
 * @param metadata what was read with the adapter
 * @param folder where it was read from, for messages
 */
public record AdapterFacts(AdapterMetadata metadata, Path folder) {

  /**
   * A fact that is one of the constants of an enum, in lower case.
   *
   * @param <E> the enum
   * @param name the fact
   * @param otherwise the constant where the adapter does not state it
   * @return the constant
   * @throws AdapterFormatException if it is none of them
   */
  public <E extends Enum<E>> E choice(String name, E otherwise) throws AdapterFormatException {
    String value = metadata.facts().get(name);
    if (value == null) {
      return otherwise;
    }
    List<E> constants = List.of(otherwise.getDeclaringClass().getEnumConstants());
    for (E constant : constants) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(value)) {
        return constant;
      }
    }
    throw bad(name, "one of " + constants.toString().toLowerCase(Locale.ROOT), value);
  }

  /**
   * A fact that is a whole number.
   *
   * @param name the fact
   * @param smallest the smallest that is accepted, at least 0
   * @param largest the largest
   * @param otherwise the number where the adapter does not state it
   * @return the number
   * @throws AdapterFormatException if it is something else
   */
  public int number(String name, int smallest, int largest, int otherwise)
      throws AdapterFormatException {
    String value = metadata.facts().get(name);
    if (value == null) {
      return otherwise;
    }
    if (!value.matches("\\d{1,9}")
        || Integer.parseInt(value) < smallest
        || Integer.parseInt(value) > largest) {
      throw bad(name, smallest + " to " + largest, value);
    }
    return Integer.parseInt(value);
  }

  /**
   * The labels of a classifier.
   *
   * @return at least two
   * @throws MismatchException if the adapter is for something else than a classifier of several
   *     classes
   */
  public List<String> labels() throws MismatchException {
    if (metadata.task() != TaskType.SEQ_CLS) {
      throw new MismatchException(
          "AD-30",
          folder.toString(),
          "",
          "the adapter of a classifier expected, got one for " + metadata.task());
    }
    if (metadata.labels().size() < 2) {
      throw new MismatchException(
          "AD-30",
          folder.toString(),
          "labels",
          "the adapter of a classifier with at least two classes expected, got %d"
              .formatted(metadata.labels().size()));
    }
    return metadata.labels();
  }

  /**
   * Whether the adapter states with which tokenizer it was trained.
   *
   * @return true if {@link #requireTokenizer} has something to compare
   */
  public boolean namesTokenizer() {
    return metadata.facts().containsKey("tokenizer");
  }

  /**
   * Compares the tokenizer with that of the training, if the adapter states it.
   *
   * @param fingerprint of the tokenizer that is to be used
   * @param tokenizerFolder where that is, for the message
   * @throws MismatchException if it is another
   */
  public void requireTokenizer(String fingerprint, Path tokenizerFolder) throws MismatchException {
    if (namesTokenizer() && !fingerprint.equals(metadata.facts().get("tokenizer"))) {
      throw new MismatchException(
          "AD-31",
          folder.toString(),
          "tokenizer",
          "the tokenizer that the adapter was trained with expected, got another in "
              + tokenizerFolder);
    }
  }

  /**
   * Whether a classifier was trained on texts padded with tokens that are attended, of which it
   * reads the last.
   *
   * @return false if the adapter does not state a length of padding above 0
   */
  public boolean isPadded() {
    return !metadata.facts().getOrDefault("padding_length", "0").equals("0");
  }

  private AdapterFormatException bad(String name, String expected, String got) {
    return new AdapterFormatException(
        "AD-32",
        folder.toString(),
        name,
        "%s expected for %s, got %s".formatted(expected, name, Excerpt.of(got)));
  }
}
