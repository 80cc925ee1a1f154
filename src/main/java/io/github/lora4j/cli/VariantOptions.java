package io.github.lora4j.cli;

import io.github.lora4j.lora.BiasTraining;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.lora.LoraInit;
import io.github.lora4j.lora.LoraScaling;
import io.github.lora4j.lora.Targets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/** The options that turn plain LoRA into one of its variants. */
final class VariantOptions {

  @Option(names = "--rslora", description = "Scale by alpha / sqrt(rank) (rsLoRA).")
  private boolean rslora;

  @Option(names = "--dora", description = "Train the norms of the weights' rows apart (DoRA).")
  private boolean dora;

  @Option(
      names = "--rank-pattern",
      paramLabel = "REGEX=N",
      hideParamSyntax = true,
      description =
          "Another rank for the Linear whose name or its last components match; repeatable, the first"
              + " match counts.")
  private @Nullable Map<String, Integer> ranks;

  @Option(
      names = "--alpha-pattern",
      paramLabel = "REGEX=X",
      hideParamSyntax = true,
      description = "Another alpha, likewise.")
  private @Nullable Map<String, Double> alphas;

  @Option(
      names = "--bias",
      paramLabel = "none|lora|all",
      converter = BiasConverter.class,
      showDefaultValue = Visibility.NEVER,
      description =
          "Biases that are trained: none, those of the adapted Linear, or of all (default: none).")
  private BiasTraining bias = BiasTraining.NONE;

  @Option(
      names = "--modules-to-save",
      paramLabel = "NAMES",
      split = ",",
      hideParamSyntax = true,
      description = "Linear that are trained in full instead, such as mlp.c_proj.")
  private @Nullable List<String> modulesToSave;

  /** Checks the ranges. */
  void check() {
    ranks()
        .forEach(
            (name, rank) -> {
              requirePattern("--rank-pattern", name);
              Require.range("--rank-pattern", rank, 1, LoraConfig.MAX_RANK);
            });
    alphas()
        .forEach(
            (name, alpha) -> {
              requirePattern("--alpha-pattern", name);
              Require.positive("--alpha-pattern", alpha);
            });
    if (modulesToSave().stream().anyMatch(String::isBlank)) {
      throw new IllegalArgumentException("--modules-to-save: names expected, got an empty one");
    }
  }

  private static void requirePattern(String option, String pattern) {
    try {
      Targets.matching(pattern);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
    }
  }

  /** Checks that nothing is asked for, where there are no branches. */
  void requireNone() {
    Map<String, Boolean> asked = new LinkedHashMap<>();
    asked.put("--rslora", rslora);
    asked.put("--dora", dora);
    asked.put("--rank-pattern", ranks != null);
    asked.put("--alpha-pattern", alphas != null);
    asked.put("--bias", bias != BiasTraining.NONE);
    asked.put("--modules-to-save", modulesToSave != null);
    asked.forEach(
        (option, isAsked) -> {
          if (isAsked) {
            throw new IllegalArgumentException(option + ": --rank expected beside it, got none");
          }
        });
  }

  /** Checks that branches of these ranks can start in a way. */
  void requireStart(LoraInit init, int rank) {
    if (init == LoraInit.PISSA && dora) {
      throw new IllegalArgumentException("--init: pissa or --dora expected, got both");
    }
    if (init == LoraInit.ORTHOGONAL) {
      requireEven("--rank", Set.of(rank));
      requireEven("--rank-pattern", Set.copyOf(ranks().values()));
    }
  }

  private static void requireEven(String option, Set<Integer> ranks) {
    for (int rank : ranks) {
      if (rank % 2 != 0) {
        throw new IllegalArgumentException(
            "%s: an even number expected for --init orthogonal, got %d".formatted(option, rank));
      }
    }
  }

  /** The variant of plain branches. */
  LoraConfig of(LoraConfig plain) {
    Map<String, Float> floats = new LinkedHashMap<>();
    alphas().forEach((name, alpha) -> floats.put(name, alpha.floatValue()));
    return plain
        .withScaling(rslora ? LoraScaling.RSLORA : LoraScaling.LORA)
        .withDora(dora)
        .withRanks(ranks())
        .withAlphas(floats)
        .withBias(bias)
        .withModulesToSave(modulesToSave().toArray(String[]::new));
  }

  private Map<String, Integer> ranks() {
    return ranks == null ? Map.of() : ranks;
  }

  private Map<String, Double> alphas() {
    return alphas == null ? Map.of() : alphas;
  }

  private List<String> modulesToSave() {
    return modulesToSave == null ? List.of() : modulesToSave;
  }
}
