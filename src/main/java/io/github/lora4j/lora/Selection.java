package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.lora.Lora.Candidate;
import io.github.lora4j.nn.Origin;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Finds what targets select, and says what they do not. */
final class Selection {

  /** How many names an error offers. */
  private static final int OFFERED_NAMES = 12;

  private Selection() {}

  static Map<String, Candidate> of(Targets targets, Map<String, Candidate> candidates) {
    PathPattern pattern = targets.pattern() == null ? null : PathPattern.compile(targets.pattern());
    Map<String, Candidate> selected = new LinkedHashMap<>();
    candidates.forEach(
        (path, candidate) -> {
          if (selects(targets, pattern, path, candidate.origin())) {
            selected.put(path, candidate);
          }
        });
    checkThatAllIsFound(targets, candidates, selected);
    return selected;
  }

  /** What has one of these names, each of which must exist. */
  static Map<String, Candidate> named(List<String> names, Map<String, Candidate> candidates) {
    Map<String, Candidate> selected = new LinkedHashMap<>();
    for (String name : names) {
      if (!isFound(name, candidates)) {
        throw new IllegalArgumentException(
            "lora: modules to save that are Linear expected, got '%s'; nearest %s"
                .formatted(Excerpt.of(name), nearest(name, candidates)));
      }
    }
    candidates.forEach(
        (path, candidate) -> {
          if (isNamed(names, path, candidate.origin())) {
            selected.put(path, candidate);
          }
        });
    return selected;
  }

  /** Each name of another rank or alpha must fit something, or a typing error would go unseen. */
  static void requireFits(LoraConfig config, Map<String, Candidate> candidates) {
    requireFits("rank", config.ranks().keySet(), candidates);
    requireFits("alpha", config.alphas().keySet(), candidates);
  }

  private static void requireFits(
      String what, Set<String> names, Map<String, Candidate> candidates) {
    for (String name : names) {
      if (candidates.entrySet().stream()
          .noneMatch(entry -> LoraConfig.fits(name, entry.getKey(), entry.getValue().origin()))) {
        throw new IllegalArgumentException(
            "lora: a %s pattern that a Linear matches expected, got '%s'; nearest %s"
                .formatted(what, Excerpt.of(name), nearest(name, candidates)));
      }
    }
  }

  private static boolean selects(
      Targets targets, @Nullable PathPattern pattern, String path, @Nullable Origin origin) {
    return (targets.names().isEmpty() || isNamed(targets.names(), path, origin))
        && (pattern == null
            || pattern.matches(path)
            || (origin != null && pattern.matches(origin.name())))
        && (targets.layers().isEmpty() || targets.layers().contains(Targets.layerOf(path)))
        && !isNamed(targets.excluded(), path, origin);
  }

  private static boolean isNamed(List<String> names, String path, @Nullable Origin origin) {
    return names.stream().anyMatch(name -> Targets.isNamed(name, path, origin));
  }

  private static void checkThatAllIsFound(
      Targets targets, Map<String, Candidate> candidates, Map<String, Candidate> selected) {
    List<String> faults = new ArrayList<>();
    for (String name : targets.names()) {
      if (!isFound(name, selected)) {
        faults.add(
            "no Linear %s '%s'; nearest %s"
                .formatted(
                    isFound(name, candidates) ? "is left of" : "is named",
                    Excerpt.of(name),
                    nearest(name, candidates)));
      }
    }
    for (String name : targets.excluded()) {
      if (!isFound(name, candidates)) {
        faults.add(
            "no Linear is named '%s', which is excluded; nearest %s"
                .formatted(Excerpt.of(name), nearest(name, candidates)));
      }
    }
    for (int layer : targets.layers()) {
      if (candidates.keySet().stream().noneMatch(path -> Targets.layerOf(path) == layer)) {
        faults.add("no Linear is in layer " + layer);
      }
    }
    if (faults.isEmpty() && selected.isEmpty()) {
      String pattern = targets.pattern();
      faults.add(
          pattern == null
              ? "nothing is left to adapt"
              : "no Linear matches '%s'; nearest %s"
                  .formatted(Excerpt.of(pattern), nearest(pattern, candidates)));
    }
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "lora: targets that this model has expected, got " + String.join(". Also ", faults));
    }
  }

  private static boolean isFound(String name, Map<String, Candidate> candidates) {
    return candidates.entrySet().stream()
        .anyMatch(entry -> Targets.isNamed(name, entry.getKey(), entry.getValue().origin()));
  }

  /** The names that exist, with as many components as the one asked for, the most similar first. */
  private static String nearest(String name, Map<String, Candidate> candidates) {
    int components = name.split("\\.", -1).length;
    TreeSet<String> names = new TreeSet<>();
    candidates.forEach(
        (path, candidate) -> {
          names.add(last(components, path));
          if (candidate.origin() != null) {
            names.add(last(components, candidate.origin().name()));
          }
        });
    String offered =
        String.join(
            ", ",
            names.stream()
                .sorted(Comparator.comparingInt(other -> distance(name, other)))
                .limit(OFFERED_NAMES)
                .toList());
    return names.size() > OFFERED_NAMES ? offered + ", ..." : offered;
  }

  private static String last(int components, String path) {
    String[] parts = path.split("\\.", -1);
    int from = Math.max(0, parts.length - components);
    return String.join(".", List.of(parts).subList(from, parts.length));
  }

  /** How many characters must be inserted, removed or replaced to turn one text into the other. */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(diagonal, row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
