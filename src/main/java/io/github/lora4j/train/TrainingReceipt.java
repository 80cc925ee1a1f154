package io.github.lora4j.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a training did to a model, as it was found by looking at all its numbers before and after.
 *
 * @param steps how many steps were taken
 * @param tokens the tokens of all batches that are text
 * @param seed the seed of the training
 * @param dataHash the SHA-256 of the training data in the order of its file
 * @param seconds the time of all steps, without evaluations
 * @param before the metrics of the model before the first step
 * @param after the metrics on the same data after the last step
 * @param trained what was to be trained, in the order of the tree
 * @param frozen how many tensors were to stay as they are
 * @param changed the names of those of them that are not as they were, bit for bit
 * @param nonFinite the names of all tensors that hold a NaN or an infinity after the last step
 */
public record TrainingReceipt(
    long steps,
    long tokens,
    long seed,
    String dataHash,
    double seconds,
    Metrics before,
    Metrics after,
    List<Trained> trained,
    int frozen,
    List<String> changed,
    List<String> nonFinite) {

  /** As many names as a sentence can bear. */
  private static final int MOST_NAMES = 8;

  private static final int SHORT_HASH = 12;

  /** Copies the lists. */
  public TrainingReceipt {
    trained = List.copyOf(trained);
    changed = List.copyOf(changed);
    nonFinite = List.copyOf(nonFinite);
  }

  /**
   * A tensor that was to be trained.
   *
   * @param name its path, such as {@code transformer.h.0.attn.c_attn.lora.A}
   * @param elements how many numbers it has
   * @param largestChange {@code max_i |after_i - before_i|}; NaN if an element is NaN
   */
  public record Trained(String name, int elements, float largestChange) {

    /**
     * Whether an element is another number than before.
     *
     * @return false if all are as they were
     */
    public boolean isMoved() {
      return largestChange != 0;
    }
  }

  /**
   * Whether the training did what it is for.
   *
   * @return true if there is nothing to complain of
   */
  public boolean holds() {
    return complaints().isEmpty();
  }

  /**
   * What is wrong: a trained tensor that did not move, a frozen one that did, a number that is not
   * finite. B starts at zero and then the gradient of A is zero: after a single step A has not
   * moved unless weight decay moved it.
   *
   * @return a sentence for each kind of fault, naming the tensors; empty if all is well
   */
  public List<String> complaints() {
    List<String> complaints = new ArrayList<>();
    complain(complaints, "%d of %d trained tensors did not move", unmoved(), trained.size());
    complain(complaints, "%d of %d frozen tensors changed", changed, frozen);
    complain(
        complaints,
        "%d of %d tensors hold a NaN or an infinity",
        nonFinite,
        trained.size() + frozen);
    return complaints;
  }

  private static void complain(
      List<String> complaints, String sentence, List<String> names, int all) {
    if (!names.isEmpty()) {
      int more = names.size() - MOST_NAMES;
      complaints.add(
          String.format(Locale.ROOT, sentence, names.size(), all)
              + names.stream().limit(MOST_NAMES).collect(Collectors.joining(", ", ": ", ""))
              + (more > 0 ? " and " + more + " more" : ""));
    }
  }

  /**
   * The trained tensors that are as they were.
   *
   * @return their names, in the order of the tree
   */
  public List<String> unmoved() {
    return trained.stream().filter(each -> !each.isMoved()).map(Trained::name).toList();
  }

  /**
   * The receipt in short, to be saved beside what was trained. The same training gives the same
   * facts.
   *
   * @return {@code receipt_data}, {@code receipt_holds}, {@code receipt_seed}, {@code
   *     receipt_steps} and {@code receipt_tokens}
   */
  public Map<String, String> facts() {
    return Map.of(
        "receipt_data", dataHash,
        "receipt_holds", Boolean.toString(holds()),
        "receipt_seed", Long.toString(seed),
        "receipt_steps", Long.toString(steps),
        "receipt_tokens", Long.toString(tokens));
  }

  /**
   * One line, such as {@code all 74 trained tensors moved, all 148 frozen tensors unchanged, none
   * non-finite; 650 steps, 31,200 tokens, data 3f2a9c1b04e5, seed 123}.
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s trained tensors moved, %s frozen tensors unchanged, %s non-finite; %,d steps, %,d tokens,"
            + " data %s, seed %d",
        share(trained.size() - unmoved().size(), trained.size()),
        share(frozen - changed.size(), frozen),
        nonFinite.isEmpty() ? "none" : Integer.toString(nonFinite.size()),
        steps,
        tokens,
        dataHash.substring(0, Math.min(SHORT_HASH, dataHash.length())),
        seed);
  }

  private static String share(int count, int all) {
    return count == all ? "all " + all : count + " of " + all;
  }
}
