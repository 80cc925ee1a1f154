package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Whether PEFT's files and a model fit together. */
final class PeftComparison {

  private final AdaptablePlaces places;
  private final Map<String, Parameter> parameters;
  private final PeftConfig config;
  private final PeftTensors tensors;
  private final Strictness strictness;
  private final AdapterFaults faults;
  private final LeftOutTensors leftOut;

  /**
   * A comparison.
   *
   * @param places those of the model
   * @param parameters all of the model, by path
   */
  PeftComparison(
      AdaptablePlaces places,
      Map<String, Parameter> parameters,
      PeftConfig config,
      PeftTensors tensors,
      Strictness strictness) {
    this.places = places;
    this.parameters = parameters;
    this.config = config;
    this.tensors = tensors;
    this.strictness = strictness;
    this.leftOut = new LeftOutTensors(tensors);
    this.faults =
        new AdapterFaults(tensors.file(), config.baseModel(), places.published().keySet());
  }

  /**
   * Compares everything. A warning names what is left out.
   *
   * @throws MismatchException if anything does not fit; it lists all that does not
   * @throws IOException if an expression of the configuration takes too many steps
   */
  void requireFit() throws IOException {
    compareTargets();
    if (compareNames()) {
      compareExpected();
      compareHeads();
      compareBranches();
      compareFound();
    }
    faults.throwIfAny();
    leftOut.warn();
  }

  private boolean isLenient() {
    return strictness == Strictness.LENIENT;
  }

  /** Each listed name must select something, or a typing error would go unseen. */
  private void compareTargets() throws IOException {
    boolean selectsAny = false;
    for (String name : places.published().keySet()) {
      selectsAny |= config.selects(name);
    }
    if (!selectsAny) {
      faults.add(
          "AD-06",
          "target_modules",
          "%s selects no Linear of the model; it has %s"
              .formatted(
                  config.targetModules(), AdapterFaults.examples(places.published().keySet())));
    }
    for (String target : config.targetModules().names()) {
      if (selectsAny
          && places.published().keySet().stream().noneMatch(name -> isNamed(name, target))
          && places.heads().keySet().stream().noneMatch(name -> isNamed(name, target))) {
        faults.addNearest("AD-06", "target_modules", "no Linear is named", target);
      }
    }
  }

  private static boolean isNamed(String name, String target) {
    return Targets.endsWith(PeftTensorName.BODY + name, target);
  }

  /**
   * Shows names that belong to nothing beside such as do. If no branch belongs to anything, that is
   * the whole fault; whether there is more to compare.
   */
  private boolean compareNames() throws IOException {
    List<String> strange = tensors.names().stream().filter(name -> !isKnown(name)).toList();
    boolean isAnyBranchKnown =
        tensors.modules().entrySet().stream()
            .anyMatch(
                each -> isBranch(each.getValue()) && places.published().containsKey(each.getKey()));
    if (strange.isEmpty()
        || (isAnyBranchKnown && (isLenient() || tensors.notUnderstood().isEmpty()))) {
      return true;
    }
    List<String> selected = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (String name : places.published().keySet()) {
      (config.selects(name) ? selected : others)
          .add(PeftTensorName.WRAPPERS + PeftTensorName.BODY + name + ".lora_A.weight");
    }
    faults.add(
        "AD-08",
        "tensors",
        "names such as %s expected, got %s"
            .formatted(
                AdapterFaults.examples(selected.isEmpty() ? others : selected),
                AdapterFaults.examples(strange)));
    return isAnyBranchKnown;
  }

  private boolean isKnown(String tensor) {
    PeftTensorName name = PeftTensorName.parse(tensor);
    return name != null
        && (places.published().containsKey(name.module())
            || places.heads().containsKey(name.module()));
  }

  private static boolean isBranch(PeftTensors.@Nullable Module module) {
    return module != null && module.loraA() != null;
  }

  private void compareExpected() throws IOException {
    for (Map.Entry<String, List<Place>> entry : places.published().entrySet()) {
      String name = entry.getKey();
      PeftTensors.Module module = tensors.modules().get(name);
      boolean isAdapted = config.selects(name);
      if (config.isSavedWhole(name) && (module == null || module.weight() == null)) {
        faults.missing(name + ".weight");
      }
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
        compareBranch(name, module, in, out);
      } else if (module.loraA() != null && isLenient()) {
        leftOut.addBranch(name);
      } else if (module.loraA() != null) {
        faults.add("AD-10", name, "a branch where the configuration selects none");
      }
      if (config.bias() == BiasTraining.NONE
          && module.bias() != null
          && !config.isSavedWhole(name)) {
        faults.add("AD-10", name + ".base_layer.bias", "bias is \"none\"");
      }
      faults.compareShape("AD-04", name + ".lora_magnitude_vector", module.magnitude(), out);
      faults.compareShape("AD-18", name + ".bias", module.bias(), out);
      faults.compareShape("AD-18", name + ".weight", module.weight(), in, out);
      if (module.weight() != null && !config.isSavedWhole(name)) {
        faults.add("AD-10", name + ".weight", "not in modules_to_save");
      }
      for (Place place : entry.getValue()) {
        compareSlot(place);
      }
    }
  }

  private void compareSlot(Place place) {
    if (!places.slots().containsKey(place.path())) {
      faults.add("AD-06", place.path(), "a Linear in a slot expected, this one is fixed");
    }
  }

  private void compareHeads() {
    for (Map.Entry<String, Place> head : places.heads().entrySet()) {
      PeftTensors.Module module = tensors.modules().get(head.getKey());
      if (module == null || module.weight() == null) {
        faults.missing(head.getKey() + ".weight");
        continue;
      }
      compareSlot(head.getValue());
      if (isBranch(module)) {
        faults.add("AD-10", head.getKey(), "a branch beside a module that is there as a whole");
      }
      if (module.bias() != null) {
        faults.add("AD-11", head.getKey() + ".bias", "only a head without bias can be loaded");
      }
      Linear linear = head.getValue().linear();
      faults.compareShape(
          "AD-04",
          head.getKey() + ".weight",
          module.weight(),
          linear.outFeatures(),
          linear.inFeatures());
    }
  }

  /** What another adapter left in the model would act on, and be saved with this one. */
  private void compareBranches() throws IOException {
    for (Map.Entry<String, List<Place>> entry : places.published().entrySet()) {
      if (config.selects(entry.getKey())) {
        continue;
      }
      for (Place place : entry.getValue()) {
        if (place.adapted() != null) {
          faults.addedInModel(place.path());
        }
      }
    }
  }

  private void compareBranch(String name, PeftTensors.Module module, int in, int out)
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
    }
  }

  private boolean hasBias(String name) {
    return Objects.requireNonNull(places.published().get(name)).stream()
        .allMatch(place -> place.linear().bias() != null);
  }

  /** Whether a module acts in the model: the output is there without a module of its own. */
  private boolean isInModel(String name) {
    return name.equals(PeftConfig.OUTPUT_EMBEDDING)
        || Stream.of(name, PeftTensorName.BODY + name)
            .anyMatch(
                path ->
                    parameters.containsKey(path + ".weight")
                        || parameters.containsKey(path + ".bias"));
  }

  /** Looks at what the file holds beyond the expected. */
  private void compareFound() {
    tensors
        .modules()
        .forEach(
            (name, module) -> {
              if (places.published().containsKey(name) || places.heads().containsKey(name)) {
                return;
              }
              Parameter bias = parameters.get(name + ".bias");
              Parameter inBody = parameters.get(PeftTensorName.BODY + name + ".bias");
              Parameter present = bias == null ? inBody : bias;
              if (isLenient() && !isInModel(name)) {
                leftOut.addModule(name);
              } else if (module.bias() == null || module.weight() != null || present == null) {
                faults.addNearest("AD-10", "tensors", "the model has no Linear", name);
              } else if (!Arrays.equals(present.tensor().toArray(), module.bias().toArray())) {
                faults.add(
                    "AD-11", name + ".bias", "trained, and only biases of Linear can be loaded");
              }
            });
  }
}
