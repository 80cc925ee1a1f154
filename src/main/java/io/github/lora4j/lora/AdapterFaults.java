package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All that does not fit between the files of an adapter and a model, for one error: those of one
 * code together, the first {@value #SHOWN} in words and the others as a number.
 */
final class AdapterFaults {

  /** How many faults of one code are shown. */
  static final int SHOWN = 24;

  /** How many names are shown as examples. */
  static final int EXAMPLES = 3;

  /** The faults of one code: as many lines as are shown, and how many there are. */
  private static final class Group {
    private final List<String> lines = new ArrayList<>();
    private int count;
  }

  private final Path file;
  private final @Nullable String baseModel;
  private final Set<String> known;
  private final Map<String, Group> groups = new LinkedHashMap<>();

  /**
   * No faults yet.
   *
   * @param file the file at fault
   * @param baseModel the base that the adapter names, or null
   * @param known the names of the model's published modules
   */
  AdapterFaults(Path file, @Nullable String baseModel, Set<String> known) {
    this.file = file;
    this.baseModel = baseModel;
    this.known = known;
  }

  /** Adds a fault; the code of the first is that of the error. */
  void add(String code, String place, String problem) {
    add(code, () -> Excerpt.of(place) + ": " + problem);
  }

  /** Words are not made where they are not shown: a file may hold a hundred thousand faults. */
  private void add(String code, Supplier<String> line) {
    Group group = groups.computeIfAbsent(code, any -> new Group());
    group.count++;
    if (group.lines.size() < SHOWN) {
      group.lines.add(line.get());
    }
  }

  /** Adds a fault about a name, with those that exist and resemble it most. */
  void addNearest(String code, String place, String problem, String name) {
    add(
        code,
        () ->
            "%s: %s '%s'; nearest %s"
                .formatted(Excerpt.of(place), problem, Excerpt.of(name), nearest(name)));
  }

  private String nearest(String name) {
    return known.stream()
        .sorted(
            Comparator.comparingInt((String other) -> distance(name, other))
                .thenComparing(Comparator.naturalOrder()))
        .limit(EXAMPLES)
        .collect(Collectors.joining(", "));
  }

  /** A few names, escaped, and how many more there are. */
  static String examples(Collection<String> names) {
    return examples(names, EXAMPLES);
  }

  /** Some names, escaped, and how many more there are. */
  static String examples(Collection<String> names, int limit) {
    String some = names.stream().limit(limit).map(Excerpt::of).collect(Collectors.joining(", "));
    int more = names.size() - limit;
    return names.isEmpty() ? "none" : more > 0 ? some + " and " + more + " more" : some;
  }

  /** How far a name is from the most similar end of a path. */
  private static int distance(String name, String path) {
    int best = Selection.distance(name, path);
    for (int dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
      best = Math.min(best, Selection.distance(name, path.substring(dot + 1)));
    }
    return best;
  }

  /** Adds a branch of the model that would act, and be saved, with those of the adapter. */
  void addedInModel(String path) {
    add("AD-09", path, "adapted in the model, not in the adapter");
  }

  /** Adds a tensor that should be there. */
  void missing(String name) {
    add("AD-09", name, "missing in the file");
  }

  /** Adds a fault if a tensor is there and has another shape. */
  void compareShape(String faultCode, String name, @Nullable Tensor tensor, int... dims) {
    if (tensor != null && !tensor.shape().equals(Shape.of(dims))) {
      add(faultCode, name, "shape %s expected, got %s".formatted(Shape.of(dims), tensor.shape()));
    }
  }

  void throwIfAny() throws MismatchException {
    if (groups.isEmpty()) {
      return;
    }
    int count = 0;
    List<String> lines = new ArrayList<>();
    for (Map.Entry<String, Group> entry : groups.entrySet()) {
      Group group = entry.getValue();
      count += group.count;
      lines.addAll(group.lines);
      int more = group.count - group.lines.size();
      if (more > 0) {
        lines.add("and %d more like this [%s]".formatted(more, entry.getKey()));
      }
    }
    throw new MismatchException(
        groups.keySet().iterator().next(),
        file.toString(),
        "",
        "an adapter of this model expected, got one with %d %s%s:\n  %s"
            .formatted(
                count,
                count == 1 ? "difference" : "differences",
                baseModel == null ? "" : " (it is for the base '" + Excerpt.of(baseModel) + "')",
                String.join("\n  ", lines)));
  }
}
