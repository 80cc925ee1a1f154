package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A question to a model and its answer, by which another model shows that it is the same: base and
 * adapter together, and the arithmetic too.
 *
 * <p>The question is one sequence of T token ids, {@code T = min(16, contextLength)}, drawn by
 * {@link CounterRandom} from the vocabulary; it depends on those two sizes alone. The answer of a
 * classifier is all its scores. That of a language model is the scores of the last token for {@code
 * n = min(1024, V)} entries of the vocabulary, {@code floor(i V / n)} for i from 0 to n - 1.
 *
 * <p>{@link AdapterFile#save} stores one with an adapter, of the same question that {@link #of}
 * asks:
 *
 * <pre>{@code
 * Probe adapted = Probe.of(model);
 * Merge.into(model);
 * float rounding = adapted.difference(model);
 * }</pre>
 */
public final class Probe {

  /** The name of the token ids, {@code (T)}, among the tensors of a file. */
  static final String TOKEN_IDS = "probe.token_ids";

  /** The name of the answer, {@code (n)}, among the tensors of a file. */
  static final String LOGITS = "probe.logits";

  private static final int MOST_TOKENS = 16;
  private static final int MOST_ENTRIES = 1024;

  /** From here on not every integer is a float32. */
  private static final int EXACT = 1 << 24;

  private static final long KEY = CounterRandom.key(CounterRandom.place(TOKEN_IDS));

  private final int[] tokenIds;
  private final float[] logits;

  /** Whether a tensor of a file is a part of its probe. */
  static boolean isPart(String name) {
    return name.equals(TOKEN_IDS) || name.equals(LOGITS);
  }

  private Probe(int[] tokenIds, float[] logits) {
    this.tokenIds = tokenIds;
    this.logits = logits;
  }

  /**
   * Asks a model.
   *
   * @param model as it is to be found again
   * @return question and answer
   * @throws NonFiniteException if a score is NaN or infinite
   */
  public static Probe of(SequenceModel model) {
    int[] tokenIds = new int[Math.min(MOST_TOKENS, model.contextLength())];
    int vocabulary = Math.min(EXACT, model.vocabularySize());
    for (int i = 0; i < tokenIds.length; i++) {
      tokenIds[i] = (int) Math.floorMod(CounterRandom.bits(KEY, i), (long) vocabulary);
    }
    return new Probe(tokenIds, answer(model, tokenIds));
  }

  /**
   * Takes up a probe that was stored.
   *
   * @param path the file it stands in, for messages
   * @param tensors the elements of the tensors of that file, by name; others are ignored
   * @return the probe, or null if the file has none
   * @throws AdapterFormatException if one of the two is missing, or they are no question and answer
   * @throws NonFiniteException if a score is NaN or infinite
   */
  static @Nullable Probe of(String path, Map<String, float[]> tensors)
      throws AdapterFormatException {
    float[] ids = tensors.get(TOKEN_IDS);
    float[] logits = tensors.get(LOGITS);
    if (ids == null && logits == null) {
      return null;
    }
    if (ids == null || logits == null) {
      throw new AdapterFormatException(
          "AD-05",
          path,
          "tensor " + (ids == null ? TOKEN_IDS : LOGITS),
          "probe: both %s and %s expected, got one of them (the file is incomplete; save the adapter again)"
              .formatted(TOKEN_IDS, LOGITS));
    }
    requireLength(path, TOKEN_IDS, ids, MOST_TOKENS);
    requireLength(path, LOGITS, logits, Integer.MAX_VALUE);
    requireFinite(logits);
    int[] tokenIds = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokenIds[i] = (int) ids[i];
      if (!(ids[i] >= 0 && ids[i] < EXACT && tokenIds[i] == ids[i])) {
        throw new AdapterFormatException(
            "AD-01",
            path,
            "tensor " + TOKEN_IDS,
            "probe: token ids from 0 to %d expected, got %s at index %d (a damaged file)"
                .formatted(EXACT - 1, ids[i], i));
      }
    }
    return new Probe(tokenIds, logits.clone());
  }

  private static void requireLength(String path, String name, float[] values, int most)
      throws AdapterFormatException {
    if (values.length < 1 || values.length > most) {
      throw new AdapterFormatException(
          "AD-01",
          path,
          "tensor " + name,
          "probe: 1 to %d elements expected, got %d (a damaged file)"
              .formatted(most, values.length));
    }
  }

  /**
   * What to store.
   *
   * @return copies of question and answer as tensors, by their names
   */
  Map<String, Tensor> tensors() {
    float[] ids = new float[tokenIds.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokenIds[i];
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(TOKEN_IDS, Tensor.of(ids, ids.length));
    tensors.put(LOGITS, Tensor.of(logits.clone(), logits.length));
    return tensors;
  }

  /**
   * Asks a model the same and compares, {@code max_i |now_i - then_i|}.
   *
   * @param model the model to compare
   * @return 0 if it answers to the same bits, with -0 and 0 taken as the same
   * @throws ShapeMismatchException if it has another number of scores, or does not know a token
   * @throws NonFiniteException if a score is NaN or infinite
   */
  public float difference(SequenceModel model) {
    for (int id : tokenIds) {
      if (id >= model.vocabularySize()) {
        throw new ShapeMismatchException(
            "probe: a model that knows token %d expected, got one with %d tokens (another base?)"
                .formatted(id, model.vocabularySize()));
      }
    }
    if (tokenIds.length > model.contextLength()) {
      throw new ShapeMismatchException(
          "probe: a model that takes %d tokens expected, got one that takes %d (another base?)"
              .formatted(tokenIds.length, model.contextLength()));
    }
    float[] now = answer(model, tokenIds);
    if (now.length != logits.length) {
      throw new ShapeMismatchException(
          "probe: a model that answers with %d scores expected, got %d (another model?)"
              .formatted(logits.length, now.length));
    }
    float largest = 0;
    for (int i = 0; i < now.length; i++) {
      largest = Math.max(largest, Math.abs(now[i] - logits[i]));
    }
    return largest;
  }

  private static float[] answer(SequenceModel model, int[] tokenIds) {
    Tensor scores = model.forward(Sequences.of(tokenIds), null);
    int columns = scores.shape().columns();
    int rows = scores.shape().rows();
    boolean ofTokens = rows == tokenIds.length && columns == model.vocabularySize();
    int count = ofTokens ? Math.min(MOST_ENTRIES, columns) : columns;
    int last = (rows - 1) * columns;
    float[] answer = new float[count];
    for (int i = 0; i < count; i++) {
      answer[i] = scores.data()[last + (int) ((long) i * columns / count)];
    }
    requireFinite(answer);
    return answer;
  }

  private static void requireFinite(float[] scores) {
    for (int i = 0; i < scores.length; i++) {
      if (!Float.isFinite(scores[i])) {
        throw new NonFiniteException(
            "AD-17",
            LOGITS,
            "probe: finite scores expected, got %s at index %d (a diverged run or a damaged weight)"
                .formatted(scores[i], i));
      }
    }
  }
}
