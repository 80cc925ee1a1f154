package io.github.lora4j.lora;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.RowNorms;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an adapter says of a published module, whichever rows of it which Linear hold.
 *
 * @param branch the branch beside its weight, or null
 * @param magnitude DoRA's magnitude, {@code (out)}, or null
 * @param bias its bias in place of the base's, {@code (out)}, or null
 * @param weight its weight in place of the base's, {@code (out, in)}, or null
 */
record PublishedModule(
    @Nullable PublishedBranch branch,
    @Nullable Tensor magnitude,
    @Nullable Tensor bias,
    @Nullable Tensor weight) {

  /**
   * A Linear of a model.
   *
   * @param path its path, that of the layer around it if it is adapted
   * @param linear the layer
   * @param adapted the layer around it, or null
   */
  record Place(String path, Linear linear, @Nullable LinearWithLoRA adapted) {

    int firstRow() {
      Origin origin = linear.origin();
      return origin == null ? 0 : origin.firstRow();
    }

    boolean hasMagnitude() {
      return adapted != null && adapted.magnitude() != null;
    }
  }

  /** Every Linear of a model, in the order of the tree. */
  static List<Place> places(Module model) {
    Map<Linear, Place> places = new IdentityHashMap<>();
    List<Place> ordered = new ArrayList<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              Place place = null;
              if (module instanceof LinearWithLoRA adapted) {
                place = new Place(path, adapted.linear(), adapted);
              } else if (module instanceof Linear linear) {
                place = new Place(path, linear, null);
              }
              // An adapted Linear comes a second time, as the child of its wrapper.
              if (place != null && places.putIfAbsent(place.linear(), place) == null) {
                ordered.add(place);
              }
            });
    return ordered;
  }

  /** The published modules of a model: the Linear that hold their rows, in the order of rows. */
  static Map<String, List<Place>> published(List<Place> places) {
    Map<String, List<Place>> published = new TreeMap<>();
    for (Place place : places) {
      Origin origin = place.linear().origin();
      if (origin != null) {
        published.computeIfAbsent(origin.name(), name -> new ArrayList<>()).add(place);
      }
    }
    published.values().forEach(rows -> rows.sort(Comparator.comparingInt(Place::firstRow)));
    return published;
  }

  /**
   * What is adapted or trained of a module.
   *
   * @param rows the Linear that hold its rows
   * @param dora whether the adapter has magnitudes; then each adapted module gets one, and where
   *     there was none it is the norm, which changes nothing
   * @return null if nothing is
   */
  static @Nullable PublishedModule of(List<Place> rows, boolean dora) {
    List<PublishedBranch.Rows> branches = new ArrayList<>();
    for (Place place : rows) {
      if (place.adapted() != null) {
        branches.add(new PublishedBranch.Rows(place.firstRow(), place.adapted().plain().lora()));
      }
    }
    int out = rows.stream().mapToInt(place -> place.linear().outFeatures()).sum();
    boolean isWhole = rows.stream().anyMatch(place -> place.linear().weight().isTrained());
    boolean hasBias = rows.stream().anyMatch(PublishedModule::trainsBias);
    PublishedBranch branch =
        branches.isEmpty() || isWhole ? null : PublishedBranch.of(branches, out);
    if (branch == null && !isWhole && !hasBias) {
      return null;
    }
    return new PublishedModule(
        branch,
        branch == null || !dora ? null : joined(rows, PublishedModule::magnitude),
        hasBias ? joined(rows, PublishedModule::bias) : null,
        isWhole ? joined(rows, place -> Merge.weight(place.linear(), place.adapted())) : null);
  }

  private static boolean trainsBias(Place place) {
    Parameter bias = place.linear().bias();
    return bias != null && bias.isTrained();
  }

  private static float[] bias(Place place) {
    return Objects.requireNonNull(place.linear().bias()).tensor().toArray();
  }

  private static float[] magnitude(Place place) {
    LinearWithLoRA adapted = place.adapted();
    if (adapted == null) {
      Linear linear = place.linear();
      Tensor none = Tensor.zeros(linear.inFeatures(), 1);
      return RowNorms.of(linear.weight().tensor())
          .with(none, Tensor.zeros(1, linear.outFeatures()), 1);
    }
    Parameter own = adapted.magnitude();
    return own == null ? adapted.norms() : own.data();
  }

  /** The rows of all places below each other. */
  private static Tensor joined(List<Place> rows, Function<Place, float[]> part) {
    List<float[]> parts = rows.stream().map(part).toList();
    int length = parts.stream().mapToInt(some -> some.length).sum();
    float[] all = new float[length];
    int at = 0;
    for (float[] some : parts) {
      System.arraycopy(some, 0, all, at, some.length);
      at += some.length;
    }
    int out = rows.stream().mapToInt(place -> place.linear().outFeatures()).sum();
    return length == out ? Tensor.of(all, out) : Tensor.of(all, out, length / out);
  }
}
