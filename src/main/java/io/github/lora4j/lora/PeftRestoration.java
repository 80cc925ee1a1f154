package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
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
  private final Module model;
  private final Map<String, Slot> slots;
  private final Map<String, List<Place>> published;
  private final Map<String, Place> heads = new LinkedHashMap<>();
  private final Map<String, PublishedModule> modules = new TreeMap<>();
  private final Map<String, Tensor> headWeights = new TreeMap<>();

  /**
   * Compares model and adapter.
   *
   * @throws MismatchException if anything does not fit; it lists all that does not
   * @throws IOException if an expression of the configuration takes too many steps
   */
  PeftRestoration(Module model, PeftConfig config, PeftTensors tensors) throws IOException {
    this.config = config;
    this.model = model;
    this.slots = Lora.slots(model.namedModules());
    List<Place> places = PublishedModule.places(model);
    this.published = PublishedModule.published(places);
    for (Place place : places) {
      if (place.linear().origin() == null) {
        heads.put(place.path(), place);
      }
    }
    PeftFaults faults = new PeftFaults(tensors.file(), config.baseModel(), published.keySet());
    compareTargets(faults);
    compareExpected(tensors, faults);
    compareFound(tensors, faults);
    faults.throwIfAny();
    for (String name : published.keySet()) {
      PeftTensors.Module module = tensors.modules().get(name);
      if (module != null) {
        modules.put(name, module(name, module));
      }
    }
  }

  /** Each listed name must select something, or a typing error would go unseen. */
  private void compareTargets(PeftFaults faults) throws IOException {
    boolean selectsAny = false;
    for (String name : published.keySet()) {
      selectsAny |= config.selects(name);
    }
    if (!selectsAny) {
      faults.add("AD-06", "target_modules", config.targetModules() + " selects no Linear");
    }
    for (String target : config.targetModules().names()) {
      if (selectsAny
          && published.keySet().stream().noneMatch(name -> isNamed(name, target))
          && heads.keySet().stream().noneMatch(name -> isNamed(name, target))) {
        faults.addNearest("AD-06", "target_modules", "no Linear is named", target);
      }
    }
  }

  private static boolean isNamed(String name, String target) {
    return Targets.endsWith(PeftTensorName.BODY + name, target);
  }

  private void compareExpected(PeftTensors tensors, PeftFaults faults) throws IOException {
    for (Map.Entry<String, List<Place>> entry : published.entrySet()) {
      String name = entry.getKey();
      PeftTensors.Module module = tensors.modules().get(name);
      boolean isAdapted = config.selects(name);
      if (module == null) {
        if (isAdapted) {
          faults.missing(name + ".lora_A.weight");
          faults.missing(name + ".lora_B.weight");
        }
        continue;
      }
      int in = entry.getValue().get(0).linear().inFeatures();
      int out = entry.getValue().stream().mapToInt(place -> place.linear().outFeatures()).sum();
      if (isAdapted) {
        compareBranch(name, module, in, out, faults);
      } else if (module.loraA() != null) {
        faults.add("AD-10", name, "a branch where the configuration selects none");
      }
      faults.compareShape("AD-04", name + ".lora_magnitude_vector", module.magnitude(), out);
      faults.compareShape("AD-18", name + ".bias", module.bias(), out);
      faults.compareShape("AD-18", name + ".weight", module.weight(), in, out);
      if (module.weight() != null && !config.isSavedWhole(name)) {
        faults.add("AD-10", name + ".weight", "not in modules_to_save");
      }
      for (Place place : entry.getValue()) {
        if (!slots.containsKey(place.path())) {
          faults.add("AD-06", place.path(), "a Linear in a slot expected, this one is fixed");
        }
      }
    }
    for (Map.Entry<String, Place> head : heads.entrySet()) {
      PeftTensors.Module module = tensors.modules().get(head.getKey());
      Tensor weight = module == null ? null : module.weight();
      if (weight == null) {
        faults.missing(head.getKey() + ".weight");
        continue;
      }
      Linear linear = head.getValue().linear();
      faults.compareShape(
          "AD-04", head.getKey() + ".weight", weight, linear.outFeatures(), linear.inFeatures());
      headWeights.put(head.getKey(), weight);
    }
  }

  private void compareBranch(
      String name, PeftTensors.Module module, int in, int out, PeftFaults faults)
      throws IOException {
    if (module.loraA() == null) {
      faults.missing(name + ".lora_A.weight");
      faults.missing(name + ".lora_B.weight");
      return;
    }
    int rank = config.rank(name);
    int got = module.loraA().shape().dim(0);
    if (got != rank) {
      faults.add(
          "AD-04",
          name + ".lora_A.weight",
          "%d rows expected, the rank that the configuration says, got %d".formatted(rank, got));
    }
    faults.compareShape("AD-18", name + ".lora_A.weight", module.loraA(), got, in);
    faults.compareShape("AD-18", name + ".lora_B.weight", module.loraB(), out, got);
    if (config.isDora() && module.magnitude() == null) {
      faults.missing(name + ".lora_magnitude_vector");
    } else if (!config.isDora() && module.magnitude() != null) {
      faults.add("AD-10", name + ".lora_magnitude_vector", "use_dora is not set");
    }
    if (config.bias() != BiasTraining.NONE && module.bias() == null && hasBias(name)) {
      faults.missing(name + ".base_layer.bias");
    } else if (config.bias() == BiasTraining.NONE && module.bias() != null) {
      faults.add("AD-10", name + ".base_layer.bias", "bias is \"none\"");
    }
  }

  private boolean hasBias(String name) {
    return Objects.requireNonNull(published.get(name)).stream()
        .allMatch(place -> place.linear().bias() != null);
  }

  /** Looks at what the file holds beyond the expected. */
  private void compareFound(PeftTensors tensors, PeftFaults faults) {
    for (String name : tensors.notUnderstood()) {
      faults.add("AD-08", name, "not a name that PEFT gives");
    }
    Map<String, Parameter> parameters = model.namedParameters();
    tensors
        .modules()
        .forEach(
            (name, module) -> {
              if (published.containsKey(name) || heads.containsKey(name)) {
                return;
              }
              Parameter bias = parameters.get(name + ".bias");
              Parameter inBody = parameters.get(PeftTensorName.BODY + name + ".bias");
              Parameter present = bias == null ? inBody : bias;
              if (module.bias() == null || module.weight() != null || present == null) {
                faults.addNearest("AD-10", "tensors", "the model has no Linear", name);
              } else if (!Arrays.equals(present.tensor().toArray(), module.bias().toArray())) {
                faults.add(
                    "AD-11", name + ".bias", "trained, and only biases of Linear can be loaded");
              }
            });
  }

  private PublishedModule module(String name, PeftTensors.Module module) throws IOException {
    PublishedBranch branch = null;
    if (module.loraA() != null && module.loraB() != null) {
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
          for (Place place : Objects.requireNonNull(published.get(name))) {
            Objects.requireNonNull(slots.get(place.path())).set(layer(place, module));
          }
        });
    headWeights.forEach(
        (path, weight) ->
            Objects.requireNonNull(slots.get(path))
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
