package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Slot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts LoRA into a model of any kind, in place.
 *
 * <pre>{@code
 * model.freeze();
 * LoraReport report = Lora.replaceLinearWithLora(model, 16, 16f); // rank, alpha
 * }</pre>
 */
public final class Lora {

  private static final Logger logger = LoggerFactory.getLogger(Lora.class);

  private Lora() {}

  /**
   * Adapts every Linear of a model, with PEFT's initial values and without dropout. See {@link
   * #apply}.
   *
   * @param model the root of a module tree; modified
   * @param rank r, in [1, {@value LoraConfig#MAX_RANK}]
   * @param alpha the branches are scaled by {@code alpha / rank}; finite, above 0
   * @return what was replaced
   * @throws IllegalArgumentException if the model has no Linear that could be replaced
   */
  public static LoraReport replaceLinearWithLora(Module model, int rank, float alpha) {
    return apply(model, LoraConfig.of(rank, alpha));
  }

  /**
   * Adapts the Linear of a model that the targets select: each is replaced in its slot by a {@link
   * LinearWithLoRA} that holds it. New branches are trained, and copies of the biases and modules
   * that the configuration names; nothing else is frozen or unfrozen, call {@link Module#freeze}
   * before. What has a branch already is left as it is, so a second call with the same targets
   * replaces nothing. A Linear that is declared with {@code child} instead of {@code slot} cannot
   * be exchanged and is not seen.
   *
   * @param model the root of a module tree; modified
   * @param config rank, alpha, targets and the rest
   * @return what was replaced
   * @throws IllegalArgumentException if the model is itself a Linear, if it has none that could be
   *     replaced, or if something that targets, ranks, alphas or modules to save list matches none;
   *     the model is not changed then
   */
  public static LoraReport apply(Module model, LoraConfig config) {
    if (model instanceof Linear) {
      throw new IllegalArgumentException(
          "lora: a model that contains Linear expected, got a Linear itself (it has no slot to be exchanged"
              + " in; use new LinearWithLoRA(linear, rank, alpha))");
    }
    Map<String, Candidate> candidates = candidates(model);
    Map<String, Candidate> selected = Selection.of(config.targets(), candidates);
    Map<String, Candidate> whole = Selection.named(config.modulesToSave(), candidates);
    Selection.requireFits(config, candidates);
    List<String> adapted = new ArrayList<>();
    candidates.forEach(
        (path, candidate) -> {
          Slot slot = candidate.slot();
          if (slot != null && slot.layer() instanceof Linear linear) {
            boolean isAdapted = selected.containsKey(path) && !whole.containsKey(path);
            if (whole.containsKey(path)) {
              slot.set(trainedWhole(linear));
            } else if (trainsBias(config.bias(), isAdapted)) {
              slot.set(withTrainedBias(linear));
            }
            if (isAdapted) {
              slot.set(adapted((Linear) slot.layer(), config, path));
              adapted.add(path);
            }
          }
        });
    LoraReport report =
        new LoraReport(adapted, model.trainedParameterCount(), model.parameterCount());
    logger.info("{}", report);
    return report;
  }

  private static LinearWithLoRA adapted(Linear linear, LoraConfig config, String path) {
    LoraConfig own = config.at(path, linear.origin());
    if (own.init() == LoraInit.PISSA) {
      return Pissa.adapted(linear, own, path + ".lora");
    }
    LoRALayer lora = new LoRALayer(linear.inFeatures(), linear.outFeatures(), own, path + ".lora");
    return config.dora() ? LinearWithLoRA.dora(linear, lora) : new LinearWithLoRA(linear, lora);
  }

  private static boolean trainsBias(BiasTraining which, boolean isAdapted) {
    return which == BiasTraining.ALL || (which == BiasTraining.LORA_ONLY && isAdapted);
  }

  /** A copy to be trained: other models may share the parameters of the original. */
  private static Linear trainedWhole(Linear linear) {
    return new Linear(
        linear.weight().copy(true),
        linear.bias() == null ? null : linear.bias().copy(true),
        linear.origin());
  }

  private static Linear withTrainedBias(Linear linear) {
    return linear.bias() == null
        ? linear
        : new Linear(linear.weight(), linear.bias().copy(true), linear.origin());
  }

  /**
   * A place that is adapted or can be.
   *
   * @param origin the published name of its weight, or null
   * @param slot where its Linear stands, or null if it is adapted already
   */
  record Candidate(@Nullable Origin origin, @Nullable Slot slot) {}

  /** Every Linear in a slot and every LinearWithLoRA, by path, in the order of the tree. */
  private static Map<String, Candidate> candidates(Module model) {
    Map<String, Module> modules = model.namedModules();
    Map<String, Slot> slots = slots(modules);
    Map<String, Candidate> found = new LinkedHashMap<>();
    modules.forEach(
        (path, module) -> {
          if (module instanceof LinearWithLoRA adapted) {
            found.put(path, new Candidate(adapted.linear().origin(), null));
          } else if (module instanceof Linear linear && slots.containsKey(path)) {
            found.put(path, new Candidate(linear.origin(), slots.get(path)));
          }
        });
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "lora: a model with a Linear in a slot expected, got one without; its modules are "
              + Excerpt.of(String.join(", ", modules.keySet())));
    }
    return found;
  }

  /** Every slot of a tree by the path of what is in it. */
  static Map<String, Slot> slots(Map<String, Module> modules) {
    Map<String, Slot> slots = new HashMap<>();
    modules.forEach(
        (path, module) ->
            module.slots().forEach((name, slot) -> slots.put(join(path, name), slot)));
    return slots;
  }

  static String join(String path, String name) {
    return path.isEmpty() ? name : path + "." + name;
  }
}
