package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.AttentionHead;
import io.github.lora4j.kernel.AttentionShape;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
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
final class BlockedAttention {

  private static final int QUERIES_PER_BLOCK = 64;

  /** Smaller blocks compute fewer scores that are not seen: most of them, where keys are few. */
  private static final int QUERIES_OF_FEW_KEYS = 32;

  private static final int FEW_KEYS = 256;

  private static final ThreadLocal<float[][]> SCRATCH =
      ThreadLocal.withInitial(() -> new float[2][0]);

  private final Kernels kernels;

  /** Attention by the products of some kernels. */
  BlockedAttention(Kernels kernels) {
    this.kernels = kernels;
  }

  private static int queriesPerBlock(AttentionHead part) {
    return part.keys() <= FEW_KEYS ? QUERIES_OF_FEW_KEYS : QUERIES_PER_BLOCK;
  }

  /** Computes {@link Kernels#attention}. */
  void forward(
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
          AttentionHead part = AttentionHead.of(shape, task);
          int perBlock = queriesPerBlock(part);
          for (int first = 0; first < part.queries(); first += perBlock) {
            int count = Math.min(perBlock, part.queries() - first);
            int keys = part.seen(first + count - 1);
            Matrix p = scores(part, q, k, first, count, keys);
            ColumnSoftmax.forward(
                p.data(), keys, count, part.scaling(), max, inverseSum, part.statistics(first));
            Matrix values = part.ofKeys(v, keys);
            kernels.multiply(p.transpose(), values, 1, part.ofOutcome(out, first, count), false);
          }
        });
  }

  /** {@code k q^T} of a block, {@code (keys, count)}; minus infinity where not seen. */
  private Matrix scores(AttentionHead part, Matrix q, Matrix k, int first, int count, int keys) {
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

  /** Computes {@link Kernels#attentionBackward}. */
  void backward(
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
          AttentionHead part = AttentionHead.of(shape, task);
          // The last block sees all keys: it may overwrite their gradients, the others add.
          boolean add = accumulate;
          int perBlock = queriesPerBlock(part);
          int blocks = (part.queries() + perBlock - 1) / perBlock;
          for (int block = blocks - 1; block >= 0; block--) {
            int first = block * perBlock;
            int count = Math.min(perBlock, part.queries() - first);
            int keys = part.seen(first + count - 1);
            Matrix p = scores(part, q, k, first, count, keys);
            ColumnSoftmax.again(
                p.data(), keys, count, part.scaling(), max, inverseSum, part.statistics(first));
            Matrix dBlock = part.ofOutcome(dOut, first, count);
            if (dV != null) {
              kernels.multiply(p, dBlock, 1, part.ofKeys(dV, keys), add);
            }
            if (dQ != null || dK != null) {
              Matrix dScores = scratch(1, keys, count);
              kernels.multiply(part.ofKeys(v, keys), dBlock.transpose(), 1, dScores, false);
              ColumnSoftmax.backward(p.data(), dScores.data(), keys, count, part.scaling());
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
    if (buffers[which].length < rows * columns) {
      buffers[which] = new float[rows * columns];
    }
    return Matrix.of(buffers[which], rows, columns);
  }
}
