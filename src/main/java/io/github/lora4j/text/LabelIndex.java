package io.github.lora4j.text;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** From the labels of a file to indices; the labels are given, or found on the way. */
final class LabelIndex {

  /** More labels than this are no labels: the column is wrong. */
  static final int MAX_FOUND = 1_000;

  private final List<String> given;
  private final Set<String> found = new LinkedHashSet<>();

  LabelIndex(List<String> given) {
    this.given = given;
  }

  /** Whether a label can be used, and if so, takes note of it. */
  boolean accept(String label) {
    if (label.isEmpty()) {
      return false;
    }
    if (!given.isEmpty()) {
      return indexOfGiven(label) >= 0;
    }
    boolean numbers = found.isEmpty() ? isNumber(label) : isNumber(found.iterator().next());
    if (numbers && !isNumber(label) || found.size() == MAX_FOUND && !found.contains(label)) {
      return false;
    }
    found.add(label);
    return true;
  }

  /** What a label may be, for a message. */
  String expected() {
    if (!given.isEmpty()) {
      return "one of " + given;
    }
    if (!found.isEmpty() && isNumber(found.iterator().next())) {
      return "a non-negative integer, as the first label is";
    }
    return "a label, at most " + MAX_FOUND + " different ones";
  }

  /** The names of the labels in the order of their indices. */
  List<String> labels() {
    if (!given.isEmpty()) {
      return given;
    }
    boolean numbers = !found.isEmpty() && isNumber(found.iterator().next());
    Comparator<String> order =
        numbers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder();
    return found.stream().sorted(order.thenComparing(Comparator.naturalOrder())).toList();
  }

  /** The indices of accepted labels. */
  int[] indices(Collection<String> accepted) {
    List<String> labels = labels();
    Map<String, Integer> indices = new HashMap<>();
    return accepted.stream()
        .mapToInt(
            label ->
                indices.computeIfAbsent(
                    label, l -> given.isEmpty() ? labels.indexOf(l) : indexOfGiven(l)))
        .toArray();
  }

  private int indexOfGiven(String label) {
    int index = given.indexOf(label);
    if (index < 0 && isNumber(label) && Integer.parseInt(label) < given.size()) {
      return Integer.parseInt(label);
    }
    return index;
  }

  private static boolean isNumber(String label) {
    return label.matches("0|[1-9][0-9]{0,8}");
  }
}
