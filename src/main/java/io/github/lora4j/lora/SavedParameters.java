package io.github.lora4j.lora;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

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
