package io.github.lora4j.lora;

import io.github.lora4j.error.LimitExceededException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code adapter_config.json} of Hugging Face PEFT says of a LoRA adapter, and what follows
 * from it for a module of the model. Modules are named as the published files name them, such as
 * {@code h.0.attn.c_attn}; PEFT's rules apply to what transformers calls them, {@code
 * transformer.h.0.attn.c_attn}.
 *
 * <p>Not for use by several threads at once: the steps of its regular expressions are counted.
 *
 * @param file where it was read from, for messages
 * @param rank r, where {@code rankPattern} has no other
 * @param loraAlpha alpha, where {@code alphaPattern} has no other; at least 0
 * @param isRsLora whether a branch is scaled by {@code alpha / sqrt(r)} instead of {@code alpha /
 *     r}
 * @param isDora whether the adapted weights are decomposed into magnitude and direction (DoRA)
 * @param dropout the probability that an input of a branch is dropped while training, in [0, 1)
 * @param bias which biases of the base were trained and are in the adapter
 * @param targetModules which modules are adapted
 * @param excludeModules which are not, whatever else selects them
 * @param layersToTransform numbers of the blocks that names in {@code targetModules} are confined
 *     to, empty for all
 * @param rankPattern other ranks
 * @param alphaPattern other alphas
 * @param modulesToSave the last components of modules that are in the adapter as a whole
 * @param taskType what the model answers with, or null if the file does not say
 * @param baseModel the name of the base, untrusted, never opened, or null
 * @param initLoraWeights how A and B began, for information
 * @param warnings what was accepted with doubts, one sentence each; they are in the log already
 */
record PeftConfig(
    Path file,
    int rank,
    float loraAlpha,
    boolean isRsLora,
    boolean isDora,
    float dropout,
    BiasTraining bias,
    PeftModuleNames targetModules,
    PeftModuleNames excludeModules,
    List<Integer> layersToTransform,
    PeftPatterns<Integer> rankPattern,
    PeftPatterns<Float> alphaPattern,
    List<String> modulesToSave,
    @Nullable TaskType taskType,
    @Nullable String baseModel,
    String initLoraWeights,
    List<String> warnings) {

  static final String OUTPUT_EMBEDDING = "lm_head";
  private static final Set<String> CLASSIFIERS = Set.of("score", "classifier");

  /** Copies the lists. */
  PeftConfig {
    layersToTransform = List.copyOf(layersToTransform);
    modulesToSave = List.copyOf(modulesToSave);
    warnings = List.copyOf(warnings);
  }

  /**
   * Whether PEFT adapts a module, if it is a linear layer. A list selects those that are called as
   * one of its names, or end with a dot and one of them; a name that is the whole path selects in
   * every block. An expression must match the whole path, with or without {@code transformer.} at
   * its beginning. What is excluded or saved as a whole is never adapted.
   *
   * @param publishedName its name in the published files
   * @throws LimitExceededException if a regular expression takes too many steps
   */
  boolean selects(String publishedName) throws LimitExceededException {
    List<String> paths = paths(publishedName);
    if (excludeModules.matchAny(paths) || isSavedWhole(publishedName)) {
      return false;
    }
    if (targetModules.isAllLinear()) {
      return !publishedName.equals(OUTPUT_EMBEDDING)
          && !(taskType == TaskType.SEQ_CLS && CLASSIFIERS.contains(publishedName));
    }
    if (targetModules.names().contains(paths.get(0))) {
      return true;
    }
    return targetModules.matchAny(paths)
        && (layersToTransform.isEmpty()
            || layersToTransform.contains(Targets.layerOf(publishedName)));
  }

  /**
   * Whether a module or one around it is in the adapter as a whole.
   *
   * @param publishedName its name in the published files
   */
  boolean isSavedWhole(String publishedName) {
    String components = "." + publishedName + ".";
    return modulesToSave.stream().anyMatch(name -> components.contains("." + name + "."));
  }

  /**
   * Alpha of a module's branch.
   *
   * @param publishedName its name in the published files
   * @throws LimitExceededException if a regular expression takes too many steps
   */
  float alpha(String publishedName) throws LimitExceededException {
    Float own = alphaPattern.find(paths(publishedName));
    return own == null ? loraAlpha : own;
  }

  /**
   * The rank that a module's branch is said to have.
   *
   * @param publishedName its name in the published files
   * @throws LimitExceededException if a regular expression takes too many steps
   */
  int rank(String publishedName) throws LimitExceededException {
    Integer own = rankPattern.find(paths(publishedName));
    return own == null ? rank : own;
  }

  /**
   * What a module's branch is multiplied by: {@code alpha / r}, or {@code alpha / sqrt(r)} for
   * rsLoRA.
   *
   * @param publishedName its name in the published files
   * @param actualRank r, the rows of its A
   * @throws LimitExceededException if a regular expression takes too many steps
   */
  float scaling(String publishedName, int actualRank) throws LimitExceededException {
    double alpha = alpha(publishedName);
    return (float) (alpha / (isRsLora ? Math.sqrt(actualRank) : actualRank));
  }

  /** What transformers calls a module: heads stand beside the body, all else is in it. */
  private static List<String> paths(String publishedName) {
    return publishedName.equals(OUTPUT_EMBEDDING) || CLASSIFIERS.contains(publishedName)
        ? List.of(publishedName)
        : List.of(PeftTensorName.BODY + publishedName, publishedName);
  }
}
