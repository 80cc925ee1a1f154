package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Branches added to the weights they stand beside: {@code W + factor (A B)^T}, with a magnitude
 * {@code m / ||W + factor (A B)^T|| * (W + factor (A B)^T)} by row. Each element is added up in
 * double and rounded once to float32, so a merged model answers as the adapted one does but for
 * rounding.
 *
 * <p>The base's weights are kept, and with them what else shares them; {@link #undo} puts them back
 * as they were, bit for bit. A merged model needs memory for the merged weights.
 *
 * <pre>{@code
 * Merge merge = Merge.into(model);
 * model.save(folder, DType.F32);
 * merge.undo();
 * }</pre>
 */
public final class Merge {

  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final Map<String, LinearWithLoRA> layers = new LinkedHashMap<>();

  private Merge() {}

  /**
   * Replaces every {@link LinearWithLoRA} in a slot of a model by a Linear with the merged weight,
   * frozen.
   *
   * @param model the root of a module tree; modified
   * @return what was merged
   * @throws NonFiniteException if a merged weight is NaN or infinite; the model is then as it was
   * @throws IllegalArgumentException if nothing in the model is adapted
   */
  public static Merge into(Module model) {
    Merge merge = new Merge();
    Lora.slots(model.namedModules())
        .forEach(
            (path, slot) -> {
              if (slot.layer() instanceof LinearWithLoRA adapted) {
                merge.slots.put(path, slot);
                merge.layers.put(path, adapted);
              }
            });
    if (merge.layers.isEmpty()) {
      throw new IllegalArgumentException(
          "merge: an adapted model expected, got one without branches (load an adapter first; a"
              + " model of which only a head was trained needs no merging, save it as it is)");
    }
    Map<String, Linear> merged = new LinkedHashMap<>();
    merge.layers.forEach((path, adapted) -> merged.put(path, merged(path, adapted)));
    merge.slots.forEach((path, slot) -> slot.set(Objects.requireNonNull(merged.get(path))));
    return merge;
  }

  /** Puts the base's layers and their branches back. */
  public void undo() {
    slots.forEach((path, slot) -> slot.set(Objects.requireNonNull(layers.get(path))));
  }

  /**
   * Which layers were merged.
   *
   * @return their paths
   */
  public List<String> paths() {
    return List.copyOf(layers.keySet());
  }

  private static Linear merged(String path, LinearWithLoRA adapted) {
    Linear linear = adapted.linear();
    float[] weight = weight(linear, adapted);
    for (float element : weight) {
      if (!Float.isFinite(element)) {
        throw new NonFiniteException(
            "AD-17",
            path,
            "merge: finite weights expected, got %s (the adapter diverged, use another)"
                .formatted(element));
      }
    }
    Tensor tensor = Tensor.of(weight, linear.outFeatures(), linear.inFeatures());
    return new Linear(Parameter.frozen(tensor), linear.bias(), linear.origin());
  }

  /**
   * The weight that does what a layer and its branch do.
   *
   * @param adapted the layer with its branch, or null for the weight alone
   * @return {@code (out, in)}
   */
  static float[] weight(Linear linear, @Nullable LinearWithLoRA adapted) {
    float[] weight = linear.weight().tensor().toArray();
    if (adapted == null) {
      return weight;
    }
    LoRALayer lora = adapted.plain().lora();
    int in = linear.inFeatures();
    int out = linear.outFeatures();
    int rank = lora.rank();
    float[] a = lora.loraA().data();
    float[] b = lora.loraB().data();
    double factor = lora.factor();
    Parameter magnitude = adapted.magnitude();
    Parallel.forEach(
        out,
        row -> {
          double[] sums = new double[in];
          double square = 0;
          for (int i = 0; i < in; i++) {
            double product = 0;
            for (int r = 0; r < rank; r++) {
              product += (double) a[i * rank + r] * b[r * out + row];
            }
            sums[i] = weight[row * in + i] + factor * product;
            square += sums[i] * sums[i];
          }
          double length =
              magnitude == null || square == 0 ? 1 : magnitude.data()[row] / Math.sqrt(square);
          for (int i = 0; i < in; i++) {
            weight[row * in + i] = (float) (length * sums[i]);
          }
        });
    return weight;
  }

  static Tensor tensor(Linear linear, @Nullable LinearWithLoRA adapted) {
    return Tensor.of(weight(linear, adapted), linear.outFeatures(), linear.inFeatures());
  }
}
