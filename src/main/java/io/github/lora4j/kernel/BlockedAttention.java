package io.github.lora4j.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Causal multi-head attention by matrix products and {@link ColumnSoftmax}.
 *
 * <p>Sequences and heads are independent and are shared out among the threads. Inside one, queries
 * are taken in blocks: the scores of a block against all keys it sees, {@code (keys, queries)}, are
 * the only large intermediate, so that memory grows with T and not with its square. The backward
 * pass computes them again. A query's outcome is the same bits whichever other queries there are.
 */
public final class BlockedAttention {

  private static final int QUERIES_PER_BLOCK = 64;

  /** Smaller blocks compute fewer scores that are not seen: most of them, where keys are few. */
  private static final int QUERIES_OF_FEW_KEYS = 32;

  private static final int FEW_KEYS = 256;

  private static final ThreadLocal<float[][]> SCRATCH =
      ThreadLocal.withInitial(() -> new float[2][0]);

  private final Kernels kernels;
  private final ColumnSoftmax softmax;

  /**
   * Attention made of the parts of some kernels.
   *
   * @param kernels compute the products
   * @param softmax computes the soft-max
   */
  public BlockedAttention(Kernels kernels, ColumnSoftmax softmax) {
    this.kernels = kernels;
    this.softmax = softmax;
  }

  /** One sequence and one head. */
  private record Part(AttentionShape shape, int sequence, int head, int queries, int keys) {

    static Part of(AttentionShape shape, int task) {
      int sequence = task / shape.heads();
      return new Part(
          shape,
          sequence,
          task % shape.heads(),
          shape.queries()[sequence + 1] - shape.queries()[sequence],
          shape.keys()[sequence + 1] - shape.keys()[sequence]);
    }

    private Matrix columns(Matrix m, int first, int count) {
      return m.block(first, count, head * shape.headSize(), shape.headSize());
    }

    Matrix ofKeys(Matrix m, int count) {
      return columns(m, shape.keys()[sequence], count);
    }

    Matrix ofQueries(Matrix m, int first, int count) {
      return columns(m, shape.queryRows()[sequence] + first, count);
    }

    Matrix ofOutcome(Matrix m, int first, int count) {
      return columns(m, shape.queries()[sequence] + first, count);
    }

    /** How many keys the query sees. */
    int seen(int query) {
      return keys - queries + query + 1;
    }

    int queriesPerBlock() {
      return keys <= FEW_KEYS ? QUERIES_OF_FEW_KEYS : QUERIES_PER_BLOCK;
    }

    /** Where the statistics of a query stand. */
    int statistics(int query) {
      return head * shape.queryCount() + shape.queries()[sequence] + query;
    }

    float scaling() {
      return (float) (1 / Math.sqrt(shape.headSize()));
    }
  }

  /**
   * Computes {@link Kernels#attention}.
   *
   * @param shape which rows attend to which
   * @param q the queries
   * @param k the keys
   * @param v the values
   * @param out overwritten
   * @param max overwritten
   * @param inverseSum overwritten
   */
  public void forward(
      AttentionShape shape,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      float[] max,
      float[] inverseSum) {
    Parallel.forEach(
        shape.sequences() * shape.heads(),
        task -> {
          Part part = Part.of(shape, task);
          int perBlock = part.queriesPerBlock();
          for (int first = 0; first < part.queries(); first += perBlock) {
            int count = Math.min(perBlock, part.queries() - first);
            int keys = part.seen(first + count - 1);
            Matrix p = scores(part, q, k, first, count, keys);
            softmax.forward(
                p.data(),
                keys,
                count,
                p.rowStride(),
                part.scaling(),
                max,
                inverseSum,
                part.statistics(first));
            Matrix values = part.ofKeys(v, keys);
            kernels.multiply(p.transpose(), values, 1, part.ofOutcome(out, first, count), false);
          }
        });
  }

  /** {@code k q^T} of a block, {@code (keys, count)}; minus infinity where not seen. */
  private Matrix scores(Part part, Matrix q, Matrix k, int first, int count, int keys) {
    Matrix scores = scratch(0, keys, count);
    Matrix queries = part.ofQueries(q, first, count).transpose();
    kernels.multiply(part.ofKeys(k, keys), queries, 1, scores, false);
    int unmasked = part.seen(first);
    for (int key = unmasked; key < keys; key++) {
      int row = scores.index(key, 0);
      Arrays.fill(scores.data(), row, row + key - unmasked + 1, Float.NEGATIVE_INFINITY);
    }
    return scores;
  }

  /**
   * Computes {@link Kernels#attentionBackward}.
   *
   * @param shape which rows attend to which
   * @param q the queries
   * @param k the keys
   * @param v the values
   * @param dOut the gradient of the outcome
   * @param max from the forward pass
   * @param inverseSum from the forward pass
   * @param dQ modified, or null
   * @param dK modified, or null
   * @param dV modified, or null
   * @param accumulate whether to add instead of overwriting
   */
  public void backward(
      AttentionShape shape,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix dOut,
      float[] max,
      float[] inverseSum,
      @Nullable Matrix dQ,
      @Nullable Matrix dK,
      @Nullable Matrix dV,
      boolean accumulate) {
    Parallel.forEach(
        shape.sequences() * shape.heads(),
        task -> {
          Part part = Part.of(shape, task);
          // The last block sees all keys: it may overwrite their gradients, the others add.
          boolean add = accumulate;
          int perBlock = part.queriesPerBlock();
          int blocks = (part.queries() + perBlock - 1) / perBlock;
          for (int block = blocks - 1; block >= 0; block--) {
            int first = block * perBlock;
            int count = Math.min(perBlock, part.queries() - first);
            int keys = part.seen(first + count - 1);
            Matrix p = scores(part, q, k, first, count, keys);
            softmax.again(
                p.data(),
                keys,
                count,
                p.rowStride(),
                part.scaling(),
                max,
                inverseSum,
                part.statistics(first));
            Matrix dBlock = part.ofOutcome(dOut, first, count);
            if (dV != null) {
              kernels.multiply(p, dBlock, 1, part.ofKeys(dV, keys), add);
            }
            if (dQ != null || dK != null) {
              Matrix dScores = scratch(1, keys, count);
              kernels.multiply(part.ofKeys(v, keys), dBlock.transpose(), 1, dScores, false);
              softmax.backward(
                  p.data(), dScores.data(), keys, count, p.rowStride(), part.scaling());
              if (dQ != null) {
                Matrix target = part.ofQueries(dQ, first, count);
                kernels.multiply(dScores.transpose(), part.ofKeys(k, keys), 1, target, accumulate);
              }
              if (dK != null) {
                Matrix queries = part.ofQueries(q, first, count);
                kernels.multiply(dScores, queries, 1, part.ofKeys(dK, keys), add);
              }
            }
            add = true;
          }
        });
  }

  private Matrix scratch(int which, int rows, int columns) {
    float[][] buffers = SCRATCH.get();
    int stride = softmax.stride(columns);
    if (buffers[which].length < rows * stride) {
      buffers[which] = new float[rows * stride];
    }
    return new Matrix(buffers[which], 0, rows, columns, stride, 1);
  }
}
