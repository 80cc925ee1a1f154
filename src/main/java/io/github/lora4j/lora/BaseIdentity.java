package io.github.lora4j.lora;

import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * By what the base that an adapter was trained on is known again.
 *
 * @param tensors the SHA-256 of each published weight beside which there is a branch: its elements
 *     as float32 in the order of the file
 * @param isRounded whether all their elements are numbers of F16, or all of BF16: the base is a
 *     copy in half precision
 */
record BaseIdentity(SortedMap<String, String> tensors, boolean isRounded) {

  /** The elements of a weight that are looked at in one go. */
  private static final int PIECE = 1 << 16;

  /** Copies the hashes. */
  BaseIdentity {
    tensors = Collections.unmodifiableSortedMap(new TreeMap<>(tensors));
  }

  /** Of no base. */
  static BaseIdentity unknown() {
    return new BaseIdentity(new TreeMap<>(), false);
  }

  /** Of the base under a model's branches; unknown if it was not read from a file. */
  static BaseIdentity of(Module model) {
    return new BaseIdentity(hashes(model), isRounded(model));
  }

  /** The hashes of the base under a model's branches, those that are known. */
  static SortedMap<String, String> hashes(Module model) {
    SortedMap<String, String> hashes = new TreeMap<>();
    for (Linear linear : adapted(model)) {
      Origin origin = linear.origin();
      if (origin != null && origin.sha256() != null) {
        hashes.put(origin.name(), origin.sha256());
      }
    }
    return hashes;
  }

  /** Whether the base under a model's branches is in half precision; looks at all its numbers. */
  static boolean isRounded(Module model) {
    List<Linear> layers = adapted(model);
    return !layers.isEmpty()
        && (layers.stream().allMatch(layer -> all(layer, Test.BFLOAT16))
            || layers.stream().allMatch(layer -> all(layer, Test.FLOAT16)));
  }

  private static List<Linear> adapted(Module model) {
    List<Linear> layers = new ArrayList<>();
    for (PublishedModule.Place place : PublishedModule.places(model)) {
      Origin origin = place.linear().origin();
      if (place.adapted() != null && origin != null && origin.sha256() != null) {
        layers.add(place.linear());
      }
    }
    return layers;
  }

  /** The first tensor that is known here and there and differs, or null. */
  @Nullable String firstDifference(Map<String, String> hashes) {
    for (Map.Entry<String, String> entry : tensors.entrySet()) {
      String found = hashes.get(entry.getKey());
      if (found != null && !found.equals(entry.getValue())) {
        return entry.getKey();
      }
    }
    return null;
  }

  /** Whether there is a tensor that is known here and there. */
  boolean isComparable(Map<String, String> hashes) {
    return tensors.keySet().stream().anyMatch(hashes::containsKey);
  }

  /** Whether a float32 is a number of a narrower format. */
  private enum Test {
    BFLOAT16 {
      @Override
      boolean holds(float x) {
        return (Float.floatToRawIntBits(x) & 0xffff) == 0;
      }
    },
    FLOAT16 {
      @Override
      boolean holds(float x) {
        boolean isSubnormal = Math.abs(x) < 0x1p-14f;
        return isSubnormal
            ? x * 0x1p24f == Math.rint(x * 0x1p24f)
            : (Float.floatToRawIntBits(x) & 0x1fff) == 0;
      }
    };

    abstract boolean holds(float x);
  }

  private static boolean all(Linear linear, Test test) {
    Tensor weight = linear.weight().tensor();
    int rows = linear.outFeatures();
    int columns = linear.inFeatures();
    int perTask = Math.max(1, PIECE / Math.max(1, columns));
    AtomicBoolean holds = new AtomicBoolean(true);
    Parallel.forEach(
        (rows + perTask - 1) / perTask,
        task -> {
          int first = task * perTask;
          float[] piece = new float[columns];
          for (int row = first; row < Math.min(rows, first + perTask) && holds.get(); row++) {
            weight.copyRow(row, piece, 0);
            for (float element : piece) {
              if (!test.holds(element)) {
                holds.set(false);
                return;
              }
            }
          }
        });
    return holds.get();
  }
}
