package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Brings a model to the state that PEFT's files describe, whichever rows of the published modules
 * its Linear hold: the A of a branch beside a whole weight is that of each part, the B are its
 * rows. Everything is compared first; nothing is changed unless all of it fits.
 */
final class PeftRestoration {

  private final PeftConfig config;
  private final AdaptablePlaces places;
  private final Map<String, PublishedModule> modules = new TreeMap<>();
  private final Map<String, Tensor> headWeights = new TreeMap<>();

  /**
   * Compares model and adapter.
   *
   * @throws MismatchException if anything does not fit; it lists all that does not
   * @throws IOException if an expression of the configuration takes too many steps
   */
  PeftRestoration(Module model, PeftConfig config, PeftTensors tensors, Strictness strictness)
      throws IOException {
    this.config = config;
    this.places = AdaptablePlaces.of(model);
    new PeftComparison(places, model.namedParameters(), config, tensors, strictness).requireFit();
    for (String name : places.published().keySet()) {
      PeftTensors.Module module = tensors.modules().get(name);
      if (module != null) {
        modules.put(name, module(name, module));
      }
    }
    for (String path : places.heads().keySet()) {
      PeftTensors.Module module = Objects.requireNonNull(tensors.modules().get(path));
      headWeights.put(path, Objects.requireNonNull(module.weight()));
    }
  }

  private PublishedModule module(String name, PeftTensors.Module module) throws IOException {
    PublishedBranch branch = null;
    if (module.loraA() != null && module.loraB() != null && config.selects(name)) {
      branch =
          new PublishedBranch(
              module.loraA().shape().dim(0),
              config.alpha(name),
              config.isRsLora() ? LoraScaling.RSLORA : LoraScaling.LORA,
              module.loraA(),
              module.loraB());
    }
    Tensor weight = module.weight();
    return new PublishedModule(
        branch,
        module.magnitude(),
        module.bias(),
        weight == null ? null : Transposed.of(weight)); // a Conv1D, (in, out)
  }

  /** Changes the model. What the adapter holds is trained afterwards. */
  void apply() {
    modules.forEach(
        (name, module) -> {
          for (Place place : Objects.requireNonNull(places.published().get(name))) {
            Objects.requireNonNull(places.slots().get(place.path())).set(layer(place, module));
          }
        });
    headWeights.forEach(
        (path, weight) ->
            Objects.requireNonNull(places.slots().get(path))
                .set(
                    new Linear(
                        Parameter.trained(rows(weight, 0, weight.shape().dim(0))), null, null)));
  }

  private Layer layer(Place place, PublishedModule module) {
    Linear linear = place.linear();
    int first = place.firstRow();
    int rows = linear.outFeatures();
    Tensor bias = module.bias();
    Tensor weight = module.weight();
    if (bias != null || weight != null) {
      linear =
          new Linear(
              weight == null ? linear.weight() : Parameter.trained(rows(weight, first, rows)),
              bias == null ? linear.bias() : Parameter.trained(rows(bias, first, rows)),
              linear.origin());
    }
    PublishedBranch branch = module.branch();
    if (branch == null) {
      return linear;
    }
    Tensor magnitude = module.magnitude();
    return new LinearWithLoRA(
        linear,
        branch.beside(place, config.dropout()),
        magnitude == null ? null : Parameter.trained(rows(magnitude, first, rows)));
  }

  /** Some elements of a vector, or rows of a matrix. */
  private static Tensor rows(Tensor all, int first, int count) {
    int[] dims = all.shape().toArray();
    int length = all.shape().numel() / dims[0];
    dims[0] = count;
    return Tensor.of(
        Arrays.copyOfRange(all.data(), first * length, (first + count) * length), dims);
  }
}
