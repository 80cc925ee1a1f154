package io.github.lora4j.lora;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which parameters of a model an adapter must hold, because the base's files do not give them back.
 */
final class SavedParameters {

  private SavedParameters() {}

  /**
   * A, B and magnitude of every branch, whatever is trained, and whatever is in no published file;
   * each once.
   */
  static Map<String, Parameter> of(Module model) {
    Set<Parameter> saved = unpublished(model);
    for (Module module : model.namedModules().values()) {
      if (module instanceof LoRALayer || module instanceof LinearWithLoRA) {
        saved.addAll(module.parameters().values());
      }
    }
    Map<String, Parameter> found = new LinkedHashMap<>();
    Set<Parameter> seen = identitySet();
    model
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              if ((saved.contains(parameter) || parameter.isTrained()) && seen.add(parameter)) {
                found.put(name, parameter);
              }
            });
    return found;
  }

  /** Their tensors by name; of a layer with two branches those of the one that adds the same. */
  static Map<String, Tensor> tensors(Module model) {
    Map<String, Tensor> tensors = new TreeMap<>();
    of(model).forEach((name, parameter) -> tensors.put(name, parameter.tensor()));
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof LinearWithLoRA layer && layer.hasStart()) {
                LoRALayer both = layer.plain().lora();
                tensors.put(Lora.join(path, "lora.A"), both.loraA().tensor());
                tensors.put(Lora.join(path, "lora.B"), both.loraB().tensor());
                tensors.remove(Lora.join(path, "start.A"));
                tensors.remove(Lora.join(path, "start.B"));
              }
            });
    return tensors;
  }

  /**
   * The parameters that are only in Linear without origin, such as those of a new head. A head that
   * shares its weight with an embedding has none.
   */
  static Set<Parameter> unpublished(Module model) {
    Set<Parameter> unpublished = identitySet();
    Set<Parameter> published = identitySet();
    for (Module module : model.namedModules().values()) {
      boolean isNew = module instanceof Linear linear && linear.origin() == null;
      (isNew ? unpublished : published).addAll(module.parameters().values());
    }
    unpublished.removeIf(published::contains);
    return unpublished;
  }

  private static Set<Parameter> identitySet() {
    return Collections.newSetFromMap(new IdentityHashMap<>());
  }
}
