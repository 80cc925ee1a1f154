package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.lora.Combination.Weighted;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Slot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A weighted sum of adapters of one base: {@code W + sum_i w_i d_i} for each weight W, with the
 * {@code d_i = factor_i (A_i B_i)^T} that adapter i adds to it alone; none where it has no branch.
 *
 * <pre>{@code
 * AdapterCombination<Gpt2LanguageModel> sum =
 *     AdapterCombination.of(
 *         base::languageModel, List.of(new Share(french, 0.7f), new Share(formal, 0.3f)));
 * Gpt2LanguageModel model = sum.exact();
 * AdapterFile.save(model, french.metadata(), folder);
 * }</pre>
 *
 * <p>The outcome is a model of its own with one branch for each module that any of the adapters
 * has, with {@code alpha = rank}, trained, and with the dropout of the first that has the module;
 * all else in it is as the first adapter leaves it. What has no weighted sum, such as a magnitude
 * (DoRA), a trained bias or a head that is not the same in all, is refused.
 *
 * @param <M> the kind of model
 */
public final class AdapterCombination<M extends Module> {

  private final Supplier<M> trees;
  private final Adapter first;
  private final Map<String, List<Weighted>> branches = new LinkedHashMap<>();
  private final Map<String, Float> dropouts = new LinkedHashMap<>();

  private AdapterCombination(Supplier<M> trees, Adapter first) {
    this.trees = trees;
    this.first = first;
  }

  /**
   * An adapter and its share.
   *
   * @param adapter the adapter
   * @param weight the factor of what it adds to the base's weights; finite, may be negative
   */
  public record Share(Adapter adapter, float weight) {

    /** Checks the weight. */
    public Share {
      Combination.checkWeight(weight);
    }
  }

  /**
   * What cutting the branch of a module to a lower rank did.
   *
   * @param path the module
   * @param rank that of its branch now
   * @param error the Frobenius norm of what its weight lacks
   * @param relativeError the same over the norm of the exact sum; 0 if that is 0
   */
  public record ModuleTruncation(String path, int rank, double error, double relativeError) {}

  /**
   * A sum of a lower rank.
   *
   * @param <M> the kind of model
   * @param model the model with it
   * @param modules how far each module is from the exact sum, in the order of the model
   */
  public record Truncation<M extends Module>(M model, List<ModuleTruncation> modules) {

    /** Copies the list. */
    public Truncation {
      modules = List.copyOf(modules);
    }
  }

  /**
   * Takes up the branches of adapters.
   *
   * @param <M> the kind of model
   * @param trees makes module trees that share the base's parameters, such as {@code
   *     base::languageModel}
   * @param shares at least one adapter of that base
   * @return their sum
   * @throws IllegalArgumentException if there is no adapter or none has a branch, if two that state
   *     their labels have others or another order, or if they differ in what has no weighted sum;
   *     it names all of that
   * @throws io.github.lora4j.error.MismatchException if an adapter and the base do not fit together
   * @throws IOException as {@link Adapter#putInto}
   */
  public static <M extends Module> AdapterCombination<M> of(Supplier<M> trees, List<Share> shares)
      throws IOException {
    if (shares.isEmpty()) {
      throw new IllegalArgumentException("combine: at least one adapter expected, got none");
    }
    requireEqualLabels(shares);
    AdapterCombination<M> combination = new AdapterCombination<>(trees, shares.get(0).adapter());
    List<M> models = new ArrayList<>();
    for (Share share : shares) {
      M model = trees.get();
      share.adapter().putInto(model);
      models.add(model);
    }
    CommonParameters.require(models);
    combination.collect(models, shares);
    return combination;
  }

  /** A row of a head is the score of a label: in another order their sum would mix classes. */
  private static void requireEqualLabels(List<Share> shares) {
    List<String> labels = List.of();
    for (Share share : shares) {
      List<String> stated = share.adapter().metadata().labels();
      if (!PeftMetadata.areNamed(stated)) {
        continue;
      }
      if (labels.isEmpty()) {
        labels = stated;
      } else if (!stated.equals(labels)) {
        throw new IllegalArgumentException(
            "combine: adapters with the labels %s in this order expected, got one with %s (train them"
                    .formatted(Excerpt.of(labels.toString()), Excerpt.of(stated.toString()))
                + " with the same labels)");
      }
    }
  }

  /** In the order of the tree, whichever of the adapters has a module. */
  private void collect(List<M> models, List<Share> shares) {
    List<Map<String, Module>> trees = models.stream().map(model -> model.namedModules()).toList();
    for (String path : trees.get(0).keySet()) {
      for (int i = 0; i < shares.size(); i++) {
        if (trees.get(i).get(path) instanceof LinearWithLoRA adapted) {
          LoRALayer lora = adapted.plain().lora();
          branches
              .computeIfAbsent(path, any -> new ArrayList<>())
              .add(new Weighted(PublishedBranch.of(lora), shares.get(i).weight()));
          dropouts.putIfAbsent(path, lora.dropout());
        }
      }
    }
    if (branches.isEmpty()) {
      throw new IllegalArgumentException(
          "combine: adapters with branches expected, got none in any of them");
    }
  }

  /**
   * The exact sum: in each module the A beside each other and the B below each other, each with its
   * weight and factor. The rank is the sum of the ranks.
   *
   * @return a model with it
   * @throws IllegalArgumentException if the sum of the ranks is above {@value LoraConfig#MAX_RANK}
   * @throws io.github.lora4j.error.NonFiniteException if a number of the outcome is not finite
   * @throws IOException as {@link #of}
   */
  public M exact() throws IOException {
    return with(each(Combination::concatenate));
  }

  /**
   * The sum of A and B themselves, what PEFT calls {@code "linear"}: with {@code f_i = w_i
   * factor_i}, {@code A = sum_i sign(f_i) sqrt(|f_i|) A_i} and {@code B = sum_i sqrt(|f_i|) B_i}.
   * The rank stays, but this is not the sum of what the adapters add: the product has cross terms
   * {@code A_i B_j}.
   *
   * @return a model with it
   * @throws IllegalArgumentException if adapters have different ranks in a module; it names all
   *     such modules
   * @throws io.github.lora4j.error.NonFiniteException if a number of the outcome is not finite
   * @throws IOException as {@link #of}
   */
  public M linear() throws IOException {
    List<String> unequal = new ArrayList<>();
    branches.forEach(
        (path, parts) -> {
          List<Integer> ranks = parts.stream().map(part -> part.branch().rank()).toList();
          if (ranks.stream().distinct().count() > 1) {
            unequal.add(path + " " + ranks);
          }
        });
    if (!unequal.isEmpty()) {
      throw new IllegalArgumentException(
          "combine: equal ranks in each module expected for a linear combination, got %s (use the exact sum)"
              .formatted(String.join(", ", unequal)));
    }
    return with(each(Combination::linear));
  }

  /**
   * The best approximation of the exact sum whose rank is at most a given one, by a singular value
   * decomposition of each module's. A module whose exact sum has no higher rank keeps that.
   *
   * @param rank in [1, {@value LoraConfig#MAX_RANK}]
   * @return a model with it, and how far each module is from the exact sum
   * @throws IllegalArgumentException if the rank is out of range, and as {@link #exact}
   * @throws io.github.lora4j.error.NonFiniteException if a number of the outcome is not finite
   * @throws IOException as {@link #of}
   */
  public Truncation<M> truncated(int rank) throws IOException {
    LoraConfig.check(rank, 1, 0);
    Map<String, PublishedBranch> sums = each(Combination::concatenate);
    requireFinite(sums);
    List<ModuleTruncation> modules = new ArrayList<>();
    sums.replaceAll(
        (path, sum) -> {
          if (sum.rank() <= rank) {
            modules.add(new ModuleTruncation(path, sum.rank(), 0, 0));
            return sum;
          }
          Combination.Truncated cut = Combination.svd(sum, rank);
          modules.add(new ModuleTruncation(path, rank, cut.error(), cut.relativeError()));
          return cut.branch();
        });
    return new Truncation<>(with(sums), modules);
  }

  private Map<String, PublishedBranch> each(Function<List<Weighted>, PublishedBranch> rule) {
    Map<String, PublishedBranch> sums = new LinkedHashMap<>();
    branches.forEach((path, parts) -> sums.put(path, rule.apply(parts)));
    return sums;
  }

  private static void requireFinite(Map<String, PublishedBranch> sums) {
    sums.forEach(
        (path, sum) -> {
          String remedy = "use weights nearer to 0";
          FiniteNumbers.check("combine", path + ".lora.A", sum.loraA().data(), remedy);
          FiniteNumbers.check("combine", path + ".lora.B", sum.loraB().data(), remedy);
        });
  }

  private M with(Map<String, PublishedBranch> sums) throws IOException {
    requireFinite(sums);
    M model = trees.get();
    first.putInto(model);
    Map<String, Slot> slots = Lora.slots(model.namedModules());
    sums.forEach(
        (path, sum) -> {
          Slot slot = slots.get(path);
          if (slot == null) {
            throw new IllegalArgumentException(
                "combine: a layer in a slot expected at %s, got one that is fixed in the model"
                    .formatted(path));
          }
          Linear linear =
              slot.layer() instanceof LinearWithLoRA adapted
                  ? adapted.linear()
                  : (Linear) slot.layer();
          float dropout = Objects.requireNonNull(dropouts.get(path));
          slot.set(new LinearWithLoRA(linear, sum.layer(path, dropout)));
        });
    return model;
  }
}
