package io.github.lora4j.text;

import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Three data sets with the same labels.
 *
 * @param train to learn from
 * @param validation to watch the training with; may be empty
 * @param test to judge the result by; may be empty
 */
public record Splits(TextDataset train, TextDataset validation, TextDataset test) {

  private static final Logger LOG = LoggerFactory.getLogger(Splits.class);

  /** Checks that the labels are the same. */
  public Splits {
    for (TextDataset other : new TextDataset[] {validation, test}) {
      if (!other.labels().equals(train.labels())) {
        throw new IllegalArgumentException(
            "splits: expected the labels "
                + train.labels()
                + " of "
                + train.name()
                + ", got "
                + other.labels()
                + " in "
                + other.name()
                + " (read it with the labels of the training data)");
      }
    }
  }

  /**
   * Puts three data sets together and warns about what training and test have in common.
   *
   * @param train to learn from
   * @param validation to watch the training with; may be empty
   * @param test to judge the result by; may be empty
   * @return the splits
   * @throws IllegalArgumentException if the labels differ
   */
  public static Splits of(TextDataset train, TextDataset validation, TextDataset test) {
    Splits splits = new Splits(train, validation, test);
    String trained = train.fingerprint();
    for (TextDataset other : new TextDataset[] {validation, test}) {
      if (other.fingerprint().equals(trained)) {
        LOG.warn("{} and {} hold the same examples [CS-22]", train.name(), other.name());
      }
    }
    int leaked = splits.leakedTestExamples();
    if (leaked > 0) {
      LOG.warn(
          "{} of {} test texts also stand in the training data: the test accuracy flatters",
          leaked,
          test.size());
    }
    return splits;
  }

  /**
   * How many examples of the test set have a text that also stands in the training set.
   *
   * @return the count
   */
  public int leakedTestExamples() {
    Set<String> trained = new HashSet<>();
    train.examples().forEach(example -> trained.add(example.text()));
    return (int) test.examples().stream().filter(e -> trained.contains(e.text())).count();
  }
}
