package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All that does not fit between an adapter of PEFT's and a model, for one error. */
final class PeftFaults {

  private static final int SHOWN = 24;
  private static final int NEAREST = 3;

  private final Path file;
  private final @Nullable String baseModel;
  private final Set<String> known;
  private final List<String> faults = new ArrayList<>();
  private String code = "";

  /**
   * No faults yet.
   *
   * @param file the file at fault
   * @param baseModel the base that the adapter names, or null
   * @param known the names of the model's published modules
   */
  PeftFaults(Path file, @Nullable String baseModel, Set<String> known) {
    this.file = file;
    this.baseModel = baseModel;
    this.known = known;
  }

  /** Adds a fault; the code of the first is that of the error. */
  void add(String faultCode, String place, String problem) {
    code = code.isEmpty() ? faultCode : code;
    faults.add(Excerpt.of(place) + ": " + problem);
  }

  /** Adds a fault about a name, with those that exist and resemble it most. */
  void addNearest(String faultCode, String place, String problem, String name) {
    List<String> nearest =
        known.stream()
            .sorted(
                Comparator.comparingInt((String other) -> distance(name, other))
                    .thenComparing(Comparator.naturalOrder()))
            .limit(NEAREST)
            .toList();
    add(
        faultCode,
        place,
        "%s '%s'; nearest %s".formatted(problem, Excerpt.of(name), String.join(", ", nearest)));
  }

  /** How far a name is from the most similar end of a path. */
  private static int distance(String name, String path) {
    int best = Selection.distance(name, path);
    for (int dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
      best = Math.min(best, Selection.distance(name, path.substring(dot + 1)));
    }
    return best;
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
    if (faults.isEmpty()) {
      return;
    }
    List<String> shown = faults.subList(0, Math.min(SHOWN, faults.size()));
    String more = faults.size() > SHOWN ? "\n  and %d more".formatted(faults.size() - SHOWN) : "";
    throw new MismatchException(
        code,
        file.toString(),
        "",
        "an adapter of this model expected, got one with %d %s%s:\n  %s%s"
            .formatted(
                faults.size(),
                faults.size() == 1 ? "difference" : "differences",
                baseModel == null ? "" : " (it is for the base '" + Excerpt.of(baseModel) + "')",
                String.join("\n  ", shown),
                more));
  }
}
