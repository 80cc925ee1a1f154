package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.nn.Origin;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which Linear of a model are adapted. A layer is known by its path in the model and, if its weight
 * comes from a published file, by its name there: {@code c_attn} selects the fused layer and, where
 * it was loaded as three, {@code query}, {@code key} and {@code value}.
 *
 * <p>A name selects a layer if it equals its path or the last components of it, PEFT's rule: {@code
 * c_proj} selects {@code h.0.attn.c_proj} and {@code h.0.mlp.c_proj}, {@code attn.c_proj} the first
 * of them. What is listed must exist: a name, a layer or an exclusion that fits nothing is an error
 * of {@link Lora#apply}.
 *
 * @param names names that select, or an empty list for no such condition
 * @param pattern a regular expression that the whole path must match, or null for no such
 *     condition; see {@link #matching}
 * @param layers numbers of blocks to which the selection is confined, or an empty list for all; the
 *     number of a layer is the first number in its path
 * @param excluded names that are left out whatever else selects them
 */
public record Targets(
    List<String> names, @Nullable String pattern, List<Integer> layers, List<String> excluded) {

  /** Copies the lists and checks the expression. */
  public Targets {
    names = List.copyOf(names);
    layers = List.copyOf(layers);
    excluded = List.copyOf(excluded);
    if (!names.isEmpty() && pattern != null) {
      throw new IllegalArgumentException(
          "targets: names or a pattern expected, got both %s and '%s'"
              .formatted(names, Excerpt.of(pattern)));
    }
    if (Stream.concat(names.stream(), excluded.stream()).anyMatch(String::isBlank)) {
      throw new IllegalArgumentException("targets: names expected, got an empty one");
    }
    for (int layer : layers) {
      if (layer < 0) {
        throw new IllegalArgumentException("targets: layers from 0 expected, got " + layer);
      }
    }
    if (pattern != null) {
      PathPattern.compile(pattern);
    }
  }

  /**
   * Every Linear.
   *
   * @return the targets
   */
  public static Targets all() {
    return new Targets(List.of(), null, List.of(), List.of());
  }

  /**
   * The Linear with these names.
   *
   * @param names last components of paths, at least one
   * @return the targets
   */
  public static Targets named(String... names) {
    if (names.length == 0) {
      throw new IllegalArgumentException("targets: at least one name expected, got none");
    }
    return new Targets(List.of(names), null, List.of(), List.of());
  }

  /**
   * The Linear whose whole path matches a regular expression, such as {@code h\.[0-5]\.attn\..*}.
   * It may hold characters, {@code .}, character classes, escapes, groups, {@code |} and {@code * +
   * ?}, in at most {@value PathPattern#MAX_LENGTH} characters; one that needs too many steps is an
   * error of {@link Lora#apply}.
   *
   * @param pattern the expression
   * @return the targets
   * @throws IllegalArgumentException if it is too long or holds anything else
   */
  public static Targets matching(String pattern) {
    return new Targets(List.of(), pattern, List.of(), List.of());
  }

  /**
   * The same, confined to some blocks.
   *
   * @param layers their numbers from 0, at least one
   * @return new targets
   */
  public Targets inLayers(int... layers) {
    if (layers.length == 0) {
      throw new IllegalArgumentException("targets: at least one layer expected, got none");
    }
    return new Targets(names, pattern, IntStream.of(layers).boxed().toList(), excluded);
  }

  /**
   * The same without some layers.
   *
   * @param excluded last components of paths
   * @return new targets
   */
  public Targets excluding(String... excluded) {
    return new Targets(names, pattern, layers, List.of(excluded));
  }

  /** Whether a name is meant for the layer at a path with an origin. */
  static boolean isNamed(String name, String path, @Nullable Origin origin) {
    return endsWith(path, name) || (origin != null && endsWith(origin.name(), name));
  }

  /** Whether a name is a path or the last components of it. */
  static boolean endsWith(String path, String name) {
    return path.equals(name) || path.endsWith("." + name);
  }

  /** The first number among the components of a path, or -1 if there is none. */
  static int layerOf(String path) {
    for (String component : path.split("\\.", -1)) {
      if (!component.isEmpty()
          && component.length() < 10
          && component.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return Integer.parseInt(component);
      }
    }
    return -1;
  }
}
