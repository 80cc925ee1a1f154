package io.github.lora4j.lora;

import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Many adapters over one base. The sequences of a batch may use different ones: those with the same
 * adapter are computed together, and a row of the answer has the same bits whatever else is in the
 * batch. May be used by many threads at once.
 *
 * <pre>{@code
 * AdapterPool pool = new AdapterPool(base::languageModel);
 * Tensor logits = pool.forward(batch, List.of(Optional.of(french), Optional.empty()));
 * }</pre>
 */
public final class AdapterPool {

  private final Supplier<? extends SequenceModel> trees;
  private final SequenceModel base;
  private final Map<Adapter, SequenceModel> views = new IdentityHashMap<>(); // guarded by this

  /**
   * A pool without adapters yet.
   *
   * @param trees makes module trees that share the base's parameters, such as {@code
   *     base::languageModel}
   */
  public AdapterPool(Supplier<? extends SequenceModel> trees) {
    this.trees = trees;
    this.base = trees.get();
    base.freeze();
  }

  /**
   * The base with an adapter, made when it is first asked for.
   *
   * @param adapter the adapter; kept until {@link #forget}
   * @return a frozen view, the same one each time
   * @throws IOException if adapter and base do not fit together
   */
  public synchronized SequenceModel view(Adapter adapter) throws IOException {
    SequenceModel present = views.get(adapter);
    if (present == null) {
      present = adapter.on(trees.get());
      views.put(adapter, present);
    }
    return present;
  }

  /**
   * Lets go of a view.
   *
   * @param adapter the adapter of the view
   */
  public synchronized void forget(Adapter adapter) {
    views.remove(adapter);
  }

  /**
   * Computes the scores of a batch.
   *
   * @param batch B sequences
   * @param adapters one for each sequence, or none for the base
   * @return as {@link SequenceModel#forward}, the rows in the order of the sequences
   * @throws IllegalArgumentException if there is not one entry for each sequence, or the answers
   *     differ in their number of columns
   * @throws IOException as {@link #view}
   */
  public Tensor forward(Sequences batch, List<Optional<Adapter>> adapters) throws IOException {
    if (adapters.size() != batch.count() || batch.count() == 0) {
      throw new IllegalArgumentException(
          "adapters: at least one sequence and an entry for each expected, got %d for %d"
              .formatted(adapters.size(), batch.count()));
    }
    Map<SequenceModel, List<Integer>> groups = new IdentityHashMap<>();
    for (int i = 0; i < batch.count(); i++) {
      SequenceModel model =
          adapters.get(i).isPresent() ? view(adapters.get(i).orElseThrow()) : base;
      groups.computeIfAbsent(model, any -> new ArrayList<>()).add(i);
    }
    float[][] rows = new float[batch.count()][];
    int columns = -1;
    for (Map.Entry<SequenceModel, List<Integer>> group : groups.entrySet()) {
      Tensor scores = group.getKey().forward(some(batch, group.getValue()), null);
      if (columns >= 0 && columns != scores.shape().columns()) {
        throw new IllegalArgumentException(
            "adapters: answers of one width expected, got %d and %d columns"
                .formatted(columns, scores.shape().columns()));
      }
      columns = scores.shape().columns();
      share(scores, batch, group.getValue(), rows);
    }
    int length = Arrays.stream(rows).mapToInt(row -> row.length).sum();
    float[] all = new float[length];
    int at = 0;
    for (float[] row : rows) {
      System.arraycopy(row, 0, all, at, row.length);
      at += row.length;
    }
    return Tensor.of(all, length / Math.max(1, columns), columns);
  }

  private static Sequences some(Sequences batch, List<Integer> numbers) {
    int[][] texts = new int[numbers.size()][];
    for (int i = 0; i < texts.length; i++) {
      int number = numbers.get(i);
      texts[i] =
          Arrays.copyOfRange(
              batch.tokenIds(), batch.offsets()[number], batch.offsets()[number + 1]);
    }
    return Sequences.of(texts);
  }

  /** Cuts the scores of a group into those of its sequences: a row for each, or for each token. */
  private static void share(Tensor scores, Sequences batch, List<Integer> numbers, float[][] rows) {
    boolean oneEach = scores.shape().rows() == numbers.size();
    int at = 0;
    for (int number : numbers) {
      int count = (oneEach ? 1 : batch.length(number)) * scores.shape().columns();
      rows[number] = Arrays.copyOfRange(scores.data(), at, at + count);
      at += count;
    }
  }
}
