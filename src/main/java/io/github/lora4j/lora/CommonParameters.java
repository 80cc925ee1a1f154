package io.github.lora4j.lora;

import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * What adapters hold besides branches: biases and modules that are trained whole, a head,
 * magnitudes. No sum of those acts as the sum of the adapters, so adapters can be combined only if
 * they have the same ones.
 */
final class CommonParameters {

  private CommonParameters() {}

  /**
   * Requires that models differ in branches alone.
   *
   * @param models trees of one structure over one base, each with an adapter in it; at least one
   * @throws IllegalArgumentException if any has a magnitude, or they differ in another parameter
   *     that an adapter holds; it names all of them
   */
  static void require(List<? extends Module> models) {
    Set<String> refused = new TreeSet<>();
    Map<String, Parameter> first = besideBranches(models.get(0));
    Set<Parameter> heldByFirst = held(models.get(0));
    for (Module model : models) {
      Set<Parameter> held = held(model);
      besideBranches(model)
          .forEach(
              (name, parameter) -> {
                Parameter other = Objects.requireNonNull(first.get(name), name);
                boolean isHeld = held.contains(parameter) || heldByFirst.contains(other);
                if (isHeld && !isSame(parameter, other)) {
                  refused.add(name);
                }
              });
      model
          .namedModules()
          .forEach(
              (path, module) -> {
                if (module instanceof LinearWithLoRA adapted && adapted.magnitude() != null) {
                  refused.add(Lora.join(path, "magnitude"));
                }
              });
    }
    if (!refused.isEmpty()) {
      throw new IllegalArgumentException(
          ("combine: adapters that differ in their branches alone expected, got others in %s"
                  + " (magnitudes and what is trained whole have no weighted sum; leave these"
                  + " adapters out)")
              .formatted(String.join(", ", refused)));
    }
  }

  private static Set<Parameter> held(Module model) {
    Set<Parameter> held = Collections.newSetFromMap(new IdentityHashMap<>());
    held.addAll(SavedParameters.of(model).values());
    return held;
  }

  /** The parameters by the names that they have in a model without branches. */
  private static Map<String, Parameter> besideBranches(Module model) {
    Map<String, Parameter> found = new LinkedHashMap<>();
    Map<String, String> wrapped = new HashMap<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof LinearWithLoRA) {
                wrapped.put(Lora.join(path, "linear"), path);
              } else if (!(module instanceof LoRALayer)) {
                String own = wrapped.getOrDefault(path, path);
                module
                    .parameters()
                    .forEach((name, parameter) -> found.put(Lora.join(own, name), parameter));
              }
            });
    return found;
  }

  /** Of bits; most are those of the base, which all models share. */
  private static boolean isSame(Parameter one, Parameter other) {
    return one == other
        || one.shape().equals(other.shape())
            && Arrays.equals(one.tensor().toArray(), other.tensor().toArray());
  }
}
