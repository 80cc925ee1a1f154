package io.github.lora4j.lora;

import io.github.lora4j.nn.Origin;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What {@link Lora#apply} puts into a model and what it trains.
 *
 * @param rank r, the inner size of the branch, in [1, {@value #MAX_RANK}]; may exceed the sizes of
 *     a small layer
 * @param alpha what the branch is scaled by; finite, above 0
 * @param scaling how: {@code alpha / rank}, or {@code alpha / sqrt(rank)}
 * @param dora whether the lengths of the weight's rows are trained apart, see {@link
 *     LinearWithLoRA}
 * @param dropout the probability that an input of the branch is dropped while training, in [0, 1)
 * @param init how A and B start
 * @param seed decides them, together with the path of each layer
 * @param targets which layers are adapted
 * @param ranks other ranks by name: a regular expression as for {@link Targets#matching} that
 *     matches the path or its last components, in the model or in the published file; the first
 *     that fits counts, one that fits no Linear is an error of {@link Lora#apply}
 * @param alphas other alphas by name, likewise
 * @param bias which biases are trained too
 * @param modulesToSave names of modules that are trained whole and never adapted
 */
public record LoraConfig(
    int rank,
    float alpha,
    LoraScaling scaling,
    boolean dora,
    float dropout,
    LoraInit init,
    long seed,
    Targets targets,
    Map<String, Integer> ranks,
    Map<String, Float> alphas,
    BiasTraining bias,
    List<String> modulesToSave) {

  /** The highest rank, far beyond any use. */
  public static final int MAX_RANK = 1 << 15;

  /** The seed of a configuration that names none. */
  public static final long DEFAULT_SEED = 123;

  /** Copies the collections and checks the numbers. */
  public LoraConfig {
    ranks = Collections.unmodifiableMap(new LinkedHashMap<>(ranks));
    alphas = Collections.unmodifiableMap(new LinkedHashMap<>(alphas));
    modulesToSave = List.copyOf(modulesToSave);
    check(rank, alpha, dropout);
    ranks.forEach(
        (name, other) -> {
          PathPattern.compile(name);
          check(other, alpha, dropout);
        });
    alphas.forEach(
        (name, other) -> {
          PathPattern.compile(name);
          check(rank, other, dropout);
        });
  }

  /**
   * A configuration with PEFT's initial values and no dropout, for every Linear.
   *
   * @param rank r
   * @param alpha the branch is scaled by {@code alpha / rank}
   * @return the configuration
   */
  public static LoraConfig of(int rank, float alpha) {
    return new LoraConfig(
        rank,
        alpha,
        LoraScaling.LORA,
        false,
        0,
        LoraInit.PEFT,
        DEFAULT_SEED,
        Targets.all(),
        Map.of(),
        Map.of(),
        BiasTraining.NONE,
        List.of());
  }

  /** A configuration that is being changed. */
  private static final class Draft {
    private int rank;
    private float alpha;
    private LoraScaling scaling;
    private boolean dora;
    private float dropout;
    private LoraInit init;
    private long seed;
    private Targets targets;
    private Map<String, Integer> ranks;
    private Map<String, Float> alphas;
    private BiasTraining bias;
    private List<String> modulesToSave;

    Draft(LoraConfig from) {
      rank = from.rank;
      alpha = from.alpha;
      scaling = from.scaling;
      dora = from.dora;
      dropout = from.dropout;
      init = from.init;
      seed = from.seed;
      targets = from.targets;
      ranks = from.ranks;
      alphas = from.alphas;
      bias = from.bias;
      modulesToSave = from.modulesToSave;
    }
  }

  private LoraConfig with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new LoraConfig(
        draft.rank,
        draft.alpha,
        draft.scaling,
        draft.dora,
        draft.dropout,
        draft.init,
        draft.seed,
        draft.targets,
        draft.ranks,
        draft.alphas,
        draft.bias,
        draft.modulesToSave);
  }

  /**
   * The same with another scaling.
   *
   * @param rule how the factor follows from alpha and rank
   * @return a new configuration
   */
  public LoraConfig withScaling(LoraScaling rule) {
    return with(draft -> draft.scaling = rule);
  }

  /**
   * The same with or without DoRA.
   *
   * @param magnitudes whether the lengths of the weight's rows are trained apart
   * @return a new configuration
   */
  public LoraConfig withDora(boolean magnitudes) {
    return with(draft -> draft.dora = magnitudes);
  }

  /**
   * The same with dropout.
   *
   * @param probability in [0, 1)
   * @return a new configuration
   */
  public LoraConfig withDropout(float probability) {
    return with(draft -> draft.dropout = probability);
  }

  /**
   * The same with other initial values.
   *
   * @param start how A and B start
   * @return a new configuration
   */
  public LoraConfig withInit(LoraInit start) {
    return with(draft -> draft.init = start);
  }

  /**
   * The same with another seed.
   *
   * @param number decides A
   * @return a new configuration
   */
  public LoraConfig withSeed(long number) {
    return with(draft -> draft.seed = number);
  }

  /**
   * The same for other layers.
   *
   * @param layers which layers are adapted
   * @return a new configuration
   */
  public LoraConfig withTargets(Targets layers) {
    return with(draft -> draft.targets = layers);
  }

  /**
   * The same with other ranks for some layers, PEFT's {@code rank_pattern}.
   *
   * @param byName ranks by name, such as {@code h.1.attn.c_attn} or {@code h\.[01]\..*}; the first
   *     that fits counts
   * @return a new configuration
   */
  public LoraConfig withRanks(Map<String, Integer> byName) {
    return with(draft -> draft.ranks = byName);
  }

  /**
   * The same with other alphas for some layers, PEFT's {@code alpha_pattern}.
   *
   * @param byName alphas by name; the first that fits counts
   * @return a new configuration
   */
  public LoraConfig withAlphas(Map<String, Float> byName) {
    return with(draft -> draft.alphas = byName);
  }

  /**
   * The same with biases trained.
   *
   * @param which of them
   * @return a new configuration
   */
  public LoraConfig withBias(BiasTraining which) {
    return with(draft -> draft.bias = which);
  }

  /**
   * The same with modules that are trained whole, PEFT's {@code modules_to_save}.
   *
   * @param names paths of modules or the last components of them
   * @return a new configuration
   */
  public LoraConfig withModulesToSave(String... names) {
    return with(draft -> draft.modulesToSave = List.of(names));
  }

  /** The configuration of one layer, with its own rank and alpha. */
  LoraConfig at(String path, @Nullable Origin origin) {
    return with(
        draft -> {
          draft.rank = find(ranks, path, origin, rank);
          draft.alpha = find(alphas, path, origin, alpha);
          draft.ranks = Map.of();
          draft.alphas = Map.of();
        });
  }

  private static <T> T find(Map<String, T> byName, String path, @Nullable Origin origin, T other) {
    for (Map.Entry<String, T> entry : byName.entrySet()) {
      if (fits(entry.getKey(), path, origin)) {
        return entry.getValue();
      }
    }
    return other;
  }

  /** Whether the name of another rank or alpha is meant for the layer at a path with an origin. */
  static boolean fits(String name, String path, @Nullable Origin origin) {
    PathPattern pattern = PathPattern.compile(name);
    return pattern.matchesEnd(path) || (origin != null && pattern.matchesEnd(origin.name()));
  }

  static void check(int rank, float alpha, float dropout) {
    if (rank < 1 || rank > MAX_RANK) {
      throw new IllegalArgumentException(
          "lora: a rank in [1, %d] expected, got %d".formatted(MAX_RANK, rank));
    }
    if (!(alpha > 0 && alpha < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("lora: a finite alpha above 0 expected, got " + alpha);
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException("lora: a dropout in [0, 1) expected, got " + dropout);
    }
  }
}
