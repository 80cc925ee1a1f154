package io.github.lora4j.train;

import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.train.TrainingReceipt.Trained;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Looks at a model before and after a training and writes the receipt.
 *
 * <pre>{@code
 * ReceiptKeeper keeper = new ReceiptKeeper(model, seed, data.fingerprint(), before);
 * TrainingResult result = trainer.fit(data, validation, epochs);
 * TrainingReceipt receipt = keeper.after(result, result.lastMetrics());
 * }</pre>
 *
 * <p>Of a parameter that is frozen at the beginning a hash is kept, of one that is trained a copy:
 * beside a large base the branches are small. A parameter under several names is taken once, by the
 * first of them.
 */
public final class ReceiptKeeper {

  /** A trained parameter and what it held at the beginning. */
  private record Start(String name, Parameter parameter, float[] values) {}

  private final long seed;
  private final String dataHash;
  private final Metrics before;
  private final List<Start> trained = new ArrayList<>();
  private final Map<String, Parameter> frozen;
  private final List<TensorDigest> hashes;

  /**
   * Looks at a model that is about to be trained; reads every number of it once.
   *
   * @param model the model, branches in place and the rest frozen; not modified
   * @param seed the seed of the training
   * @param dataHash the SHA-256 of the training data, such as {@link
   *     io.github.lora4j.text.DataLoader#fingerprint}
   * @param before the model's metrics now, on data of the caller's choice
   */
  public ReceiptKeeper(Module model, long seed, String dataHash, Metrics before) {
    this.seed = seed;
    this.dataHash = dataHash;
    this.before = before;
    model
        .trainedParameters()
        .forEach(
            (name, parameter) ->
                trained.add(new Start(name, parameter, parameter.tensor().toArray())));
    this.frozen = frozen(model);
    this.hashes = digests(frozen);
  }

  private static Map<String, Parameter> frozen(Module model) {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Map<String, Parameter> frozen = new LinkedHashMap<>();
    model
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              if (!parameter.isTrained() && seen.add(parameter)) {
                frozen.put(name, parameter);
              }
            });
    return frozen;
  }

  /** Of each parameter, in their order; the largest first, so that no thread is left with it. */
  private static List<TensorDigest> digests(Map<String, Parameter> parameters) {
    List<Parameter> all = List.copyOf(parameters.values());
    int[] order =
        IntStream.range(0, all.size())
            .boxed()
            .sorted(Comparator.comparing(i -> -all.get(i).shape().numel()))
            .mapToInt(i -> i)
            .toArray();
    TensorDigest[] digests = new TensorDigest[order.length];
    Parallel.forEach(
        order.length, i -> digests[order[i]] = TensorDigest.of(all.get(order[i]).tensor()));
    return List.of(digests);
  }

  /**
   * Looks at the model again; reads every number of it once.
   *
   * @param result what training did
   * @param after the model's metrics now, on the same data as before
   * @return what was found
   */
  public TrainingReceipt after(TrainingResult result, Metrics after) {
    List<Trained> moves = new ArrayList<>();
    List<String> changed = new ArrayList<>();
    List<String> nonFinite = new ArrayList<>();
    for (Start start : trained) {
      float[] now = start.parameter().tensor().toArray();
      moves.add(new Trained(start.name(), now.length, largestChange(start.values(), now)));
      if (!TensorDigest.isFinite(now, now.length)) {
        nonFinite.add(start.name());
      }
    }
    List<TensorDigest> digests = digests(frozen);
    List<String> names = List.copyOf(frozen.keySet());
    for (int i = 0; i < names.size(); i++) {
      if (!digests.get(i).sha256().equals(hashes.get(i).sha256())) {
        changed.add(names.get(i));
      }
      if (!digests.get(i).isFinite()) {
        nonFinite.add(names.get(i));
      }
    }
    return new TrainingReceipt(
        result.steps(),
        result.tokens(),
        seed,
        dataHash,
        result.seconds(),
        before,
        after,
        moves,
        names.size(),
        changed,
        nonFinite);
  }

  /** {@code max_i |now_i - start_i|}: 0 if nothing moved, NaN if an element is NaN. */
  private static float largestChange(float[] start, float[] now) {
    float largest = 0;
    for (int i = 0; i < start.length; i++) {
      largest = Math.max(largest, Math.abs(now[i] - start[i]));
    }
    return largest;
  }
}
