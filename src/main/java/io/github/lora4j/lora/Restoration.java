package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.lora.AdapterManifest.Adapted;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.safetensors.TensorSource;
import io.github.lora4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Brings a model to the state that an adapter holds. Everything is compared first; nothing is
 * changed unless all of it fits.
 */
final class Restoration {

  private final Module model;
  private final Map<String, Module> modules;
  private final Map<String, Slot> slots;
  private final AdapterManifest manifest;
  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();

  /** The names of the parameters to restore; those of the branches are not among them. */
  private final Set<String> restored = new LinkedHashSet<>();

  /** The paths of published Linear of which something is restored: other models may share it. */
  private final Set<String> copied = new LinkedHashSet<>();

  private final AdapterFaults faults;

  /**
   * Compares model and adapter.
   *
   * @param tensors those of the adapter
   * @param file the file they are in, for messages
   * @throws MismatchException if anything does not fit; it lists all that does not
   */
  Restoration(Module model, AdapterManifest manifest, TensorSource tensors, Path file)
      throws MismatchException {
    this.model = model;
    this.modules = model.namedModules();
    this.slots = Lora.slots(modules);
    this.manifest = manifest;
    this.faults = new AdapterFaults(file, manifest.metadata().baseModel(), Set.of());
    tensors.tensors().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
    Set<String> expected = new LinkedHashSet<>();
    compareModules(expected);
    compareParameters(model, expected);
    for (String name : shapes.keySet()) {
      if (!expected.contains(name) && !Probe.isPart(name)) {
        faults.add("AD-10", name, "no place in the model, or one that is in the base's files");
      }
    }
    faults.throwIfAny();
  }

  private void compareModules(Set<String> expected) {
    manifest
        .modules()
        .forEach(
            (path, adapted) -> {
              String nameA = Lora.join(path, "lora.A");
              String nameB = Lora.join(path, "lora.B");
              expected.add(nameA);
              expected.add(nameB);
              String nameM = Lora.join(path, "magnitude");
              if (adapted.dora()) {
                expected.add(nameM);
              }
              Linear linear = linear(path, adapted);
              if (linear != null) {
                compareShape(nameA, linear.inFeatures(), adapted.rank());
                compareShape(nameB, adapted.rank(), linear.outFeatures());
                if (adapted.dora()) {
                  compareShape(nameM, linear.outFeatures());
                }
              }
            });
    modules.forEach(
        (path, module) -> {
          if (module instanceof LinearWithLoRA && !manifest.modules().containsKey(path)) {
            faults.addedInModel(path);
          }
        });
  }

  /**
   * The layer that a branch of the file belongs to, or null if there is none, which is then a
   * fault.
   */
  private @Nullable Linear linear(String path, Adapted adapted) {
    Module module = modules.get(path);
    if (module instanceof LinearWithLoRA present) {
      if (slots.containsKey(path) || adapted.fits(present)) {
        return present.linear();
      }
      faults.add("AD-04", path, "another branch that is fixed in the model: " + present.lora());
    } else if (module instanceof Linear linear && slots.containsKey(path)) {
      return linear;
    } else if (module == null) {
      faults.add("AD-06", path, "no such Linear in the model" + layoutHint(adapted.origin()));
    } else {
      faults.add("AD-06", path, "a Linear in a slot expected, the model has something else there");
    }
    return null;
  }

  private String layoutHint(@Nullable String origin) {
    for (Map.Entry<String, Module> entry : modules.entrySet()) {
      Origin present = entry.getValue() instanceof Linear linear ? linear.origin() : null;
      if (present != null && present.name().equals(origin)) {
        return ", where that weight is in "
            + entry.getKey()
            + " (load the base in the adapter's layout, split or fused)";
      }
    }
    return "";
  }

  private void compareParameters(Module model, Set<String> expected) {
    Set<Parameter> unpublished = SavedParameters.unpublished(model);
    Set<Parameter> missing = new LinkedHashSet<>(unpublished);
    modules.forEach(
        (path, module) -> {
          if (module instanceof LoRALayer || module instanceof LinearWithLoRA) {
            return;
          }
          boolean willBeWrapped = module instanceof Linear && manifest.modules().containsKey(path);
          module
              .parameters()
              .forEach(
                  (own, parameter) -> {
                    String name = Lora.join(path, willBeWrapped ? "linear." + own : own);
                    if (shapes.containsKey(name)) {
                      expected.add(name);
                      restored.add(name);
                      if (module instanceof Linear linear && linear.origin() != null) {
                        copied.add(path);
                      }
                      missing.remove(parameter);
                      compareShape(name, parameter.shape().toArray());
                    } else if (missing.remove(parameter)) {
                      faults.add("AD-09", name, "in the model, missing in the file");
                    }
                  });
        });
  }

  private void compareShape(String name, int... dims) {
    List<Long> wanted = new ArrayList<>();
    for (int dim : dims) {
      wanted.add((long) dim);
    }
    List<Long> got = shapes.get(name);
    if (got == null) {
      faults.missing(name);
    } else if (!got.equals(wanted)) {
      faults.add("AD-04", name, "shape %s expected, got %s".formatted(wanted, got));
    }
  }

  /** Changes the model. */
  void apply(Map<String, float[]> values) {
    copied.forEach(this::copy);
    manifest
        .modules()
        .forEach(
            (path, adapted) -> {
              float[] a = values(values, Lora.join(path, "lora.A"));
              float[] b = values(values, Lora.join(path, "lora.B"));
              Module module = modules.get(path);
              if (module instanceof LinearWithLoRA present && adapted.fits(present)) {
                set(present.lora().loraA(), a, true);
                set(present.lora().loraB(), b, true);
                if (present.magnitude() != null) {
                  set(present.magnitude(), values(values, Lora.join(path, "magnitude")), true);
                }
              } else {
                wrap(path, adapted, a, b, values);
              }
            });
    Set<String> trained = Set.copyOf(manifest.trained());
    Map<String, Parameter> parameters = model.namedParameters();
    for (String name : restored) {
      set(
          Objects.requireNonNull(parameters.get(name), name),
          values(values, name),
          trained.contains(name));
    }
  }

  /** Exchanges a Linear, adapted or not, for one with the same values that nobody else has. */
  private void copy(String path) {
    Linear linear = (Linear) Objects.requireNonNull(modules.get(path));
    Slot slot = slots.get(path);
    if (slot != null) {
      slot.set(copy(linear));
      return;
    }
    for (Slot other : slots.values()) {
      if (other.layer() instanceof LinearWithLoRA adapted && adapted.linear() == linear) {
        other.set(new LinearWithLoRA(copy(linear), adapted.lora(), adapted.magnitude()));
        return;
      }
    }
  }

  private static Linear copy(Linear linear) {
    Parameter bias = linear.bias();
    return new Linear(
        linear.weight().copy(false), bias == null ? null : bias.copy(false), linear.origin());
  }

  private void wrap(
      String path, Adapted adapted, float[] a, float[] b, Map<String, float[]> values) {
    Slot slot = Objects.requireNonNull(slots.get(path));
    Linear linear =
        slot.layer() instanceof LinearWithLoRA present ? present.linear() : (Linear) slot.layer();
    int rank = adapted.rank();
    LoRALayer lora =
        new LoRALayer(
            Parameter.trained(Tensor.of(a, linear.inFeatures(), rank)),
            Parameter.trained(Tensor.of(b, rank, linear.outFeatures())),
            adapted.alpha(),
            adapted.scaling(),
            adapted.dropout(),
            Lora.join(path, "lora"));
    Parameter magnitude =
        adapted.dora()
            ? Parameter.trained(
                Tensor.of(values(values, Lora.join(path, "magnitude")), linear.outFeatures()))
            : null;
    slot.set(new LinearWithLoRA(linear, lora, magnitude));
  }

  /** A copy: the adapter may be put into other models. */
  private static float[] values(Map<String, float[]> values, String name) {
    return Objects.requireNonNull(values.get(name)).clone();
  }

  private static void set(Parameter parameter, float[] values, boolean trained) {
    parameter.tensor().requireGrad(true); // lets go of a packed form of the old values
    System.arraycopy(values, 0, parameter.data(), 0, values.length);
    parameter.tensor().requireGrad(trained);
  }
}
