package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.AttentionHead;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention of one head. Every operand is packed once, if it does not change from one block
 * of queries to the next; and of a block only what is seen is computed, as far as tiles allow.
 *
 * <p>The scores of a block against all keys it sees, {@code (keys, queries)}, are the only large
 * intermediate, so that memory grows with the tokens and not with their square. The backward pass
 * computes them again. Columns that fill up a row may hold anything. A query's outcome is the same
 * bits whichever other queries there are.
 */
final class HeadAttention {

  private static final ThreadLocal<HeadAttention> CURRENT =
      ThreadLocal.withInitial(HeadAttention::new);

  /**
   * A multiple of the width of a tile; the scores of so many stay in the second cache for long, and
   * are the rows of a left operand without being copied.
   */
  private static final int QUERIES_PER_BLOCK = RowTiles.LENGTH;

  /** The distance of two rows of scores. */
  private static final int STRIDE = QUERIES_PER_BLOCK;

  private final CopiedRows keys = new CopiedRows();
  private final CopiedRows values = new CopiedRows();

  /** Values in the forward pass, keys in the backward one. */
  private final PackedPanels ofAllBlocks = new PackedPanels();

  private final PackedPanels ofBlock = new PackedPanels();
  private final Slivers weights = new Slivers();
  private final Room scores = new Room();
  private final Room gradients = new Room();
  private final SoftmaxColumns softmax = new SoftmaxColumns();

  private HeadAttention() {}

  /** The one of the calling thread, which keeps its memory. */
  static HeadAttention current() {
    return CURRENT.get();
  }

  /** Some consecutive queries of a head. Their scores are computed in panels of WIDE queries. */
  private record Block(AttentionHead head, int first, int count) {

    static int count(AttentionHead head) {
      return Panels.count(head.queries(), QUERIES_PER_BLOCK);
    }

    static Block of(AttentionHead head, int number) {
      int first = number * QUERIES_PER_BLOCK;
      return new Block(head, first, Math.min(QUERIES_PER_BLOCK, head.queries() - first));
    }

    int panels() {
      return Panels.count(count, Tiles.WIDE);
    }

    /** How many keys a query sees, counted from the first of the block. */
    int seen(int query) {
      return head.seen(first + query);
    }

    /** How many keys any query sees. */
    int keys() {
      return seen(count - 1);
    }

    /** The first query that sees a key. */
    int seeing(int key) {
      return Math.max(0, key - seen(0) + 1);
    }

    int queriesOf(int panel) {
      return Math.min(Tiles.WIDE, count - panel * Tiles.WIDE);
    }

    /** How many keys any query of a panel sees. */
    int keysOf(int panel) {
      return seen(panel * Tiles.WIDE + queriesOf(panel) - 1);
    }

    int statistics(int panel) {
      return head.statistics(first + panel * Tiles.WIDE);
    }
  }

  /** Computes {@link io.github.lora4j.kernel.Kernels#attention} for a head. */
  void forward(
      AttentionHead head,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      float[] max,
      float[] inverseSum) {
    keys.of(head.ofKeys(k, head.keys()));
    ofAllBlocks.of(head.ofKeys(v, head.keys()));
    for (int number = 0; number < Block.count(head); number++) {
      Block block = Block.of(head, number);
      float[] p = scores(block, head.ofQueries(q, block.first(), block.count()));
      for (int panel = 0; panel < block.panels(); panel++) {
        softmax.forward(
            p,
            at(panel),
            block.keysOf(panel),
            block.queriesOf(panel),
            STRIDE,
            head.scaling(),
            max,
            inverseSum,
            block.statistics(panel));
      }
      Matrix outcome = head.ofOutcome(out, block.first(), block.count());
      addToQueries(block, p, ofAllBlocks, outcome, false);
    }
  }

  /** Computes {@link io.github.lora4j.kernel.Kernels#attentionBackward} for a head. */
  void backward(
      AttentionHead head,
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
    keys.of(head.ofKeys(k, head.keys()));
    if (dQ != null || dK != null) {
      values.of(head.ofKeys(v, head.keys()));
    }
    if (dQ != null) {
      ofAllBlocks.of(head.ofKeys(k, head.keys()));
    }
    // The last block sees all keys: it may overwrite their gradients, the others add.
    boolean add = accumulate;
    for (int number = Block.count(head) - 1; number >= 0; number--) {
      Block block = Block.of(head, number);
      Matrix queries = head.ofQueries(q, block.first(), block.count());
      Matrix dBlock = head.ofOutcome(dOut, block.first(), block.count());
      float[] p = scores(block, queries);
      for (int panel = 0; panel < block.panels(); panel++) {
        softmax.again(
            p,
            at(panel),
            block.keysOf(panel),
            block.queriesOf(panel),
            STRIDE,
            head.scaling(),
            max,
            inverseSum,
            block.statistics(panel));
      }
      if (dV != null) {
        ofBlock.of(dBlock);
        addToKeys(block, p, ofBlock, head.ofKeys(dV, block.keys()), add);
      }
      if (dQ != null || dK != null) {
        float[] dScores = gradients(block, p, dBlock);
        if (dQ != null) {
          Matrix target = head.ofQueries(dQ, block.first(), block.count());
          addToQueries(block, dScores, ofAllBlocks, target, accumulate);
        }
        if (dK != null) {
          ofBlock.of(queries);
          addToKeys(block, dScores, ofBlock, head.ofKeys(dK, block.keys()), add);
        }
      }
      add = true;
    }
  }

  /** {@code k q^T}; minus infinity where not seen. */
  private float[] scores(Block block, Matrix queries) {
    float[] p = multiply(block, keys, queries, scores);
    for (int panel = 0; panel < block.panels(); panel++) {
      int unmasked = block.seen(panel * Tiles.WIDE);
      for (int key = unmasked; key < block.keysOf(panel); key++) {
        int row = at(panel) + key * STRIDE;
        Arrays.fill(p, row, row + key - unmasked + 1, Float.NEGATIVE_INFINITY);
      }
    }
    return p;
  }

  /** The gradients of the scores. */
  private float[] gradients(Block block, float[] p, Matrix dOut) {
    float[] dScores = multiply(block, values, dOut, gradients);
    for (int panel = 0; panel < block.panels(); panel++) {
      softmax.backward(
          p,
          dScores,
          at(panel),
          block.keysOf(panel),
          block.queriesOf(panel),
          STRIDE,
          block.head().scaling());
    }
    return dScores;
  }

  /** Where a panel of scores begins. */
  private static int at(int panel) {
    return Panels.START + panel * Tiles.WIDE;
  }

  /**
   * {@code left right^T} for the keys that any query of a panel sees; zeros for as many keys after
   * them as a tile has rows, because a tile reaches so far.
   */
  private float[] multiply(Block block, CopiedRows left, Matrix right, Room room) {
    int rows = Panels.count(block.keys(), Tiles.ROWS) * Tiles.ROWS;
    // Slivers are copied faster if whole columns of them can be read.
    float[] to = room.atLeast(Panels.START + rows * STRIDE + Tiles.PITCH);
    ofBlock.of(right.transpose());
    for (int panel = 0; panel < block.panels(); panel++) {
      int seen = block.keysOf(panel);
      for (int key = 0; key < seen; key += Tiles.ROWS) {
        left.multiply(key, ofBlock, panel).copyTo(to, at(panel) + key * STRIDE, STRIDE);
      }
      int end = Math.min(rows, seen + Tiles.ROWS);
      for (int key = seen; key < end; key++) {
        Arrays.fill(to, at(panel) + key * STRIDE, at(panel) + key * STRIDE + Tiles.WIDE, 0f);
      }
    }
    return to;
  }

  /** {@code to += p^T b}, or {@code to = p^T b}; a query takes only keys it sees. */
  private void addToQueries(Block block, float[] p, PackedPanels b, Matrix to, boolean accumulate) {
    weights.of(new Matrix(p, Panels.START, block.count(), block.keys(), 1, STRIDE));
    for (int query = 0; query < block.count(); query += Tiles.ROWS) {
      int sliver = query / Tiles.ROWS;
      int seen = block.seen(Math.min(block.count(), query + Tiles.ROWS) - 1);
      weights.copy(sliver, seen);
      for (int column = 0; column < to.columns(); column += Tiles.WIDE) {
        int from = b.at(column / Tiles.WIDE, 0);
        TileProduct product = weights.multiply(sliver, 0, seen, b.elements(), from);
        put(product, to, query, column, accumulate);
      }
    }
  }

  /** {@code to += p b}, or {@code to = p b}; a key takes only queries that see it. */
  private void addToKeys(Block block, float[] p, PackedPanels b, Matrix to, boolean accumulate) {
    TileProduct product = Scratch.current().product();
    for (int key = 0; key < block.keys(); key += Tiles.ROWS) {
      int first = block.seeing(key);
      int left = at(0) + key * STRIDE + first;
      for (int column = 0; column < to.columns(); column += Tiles.WIDE) {
        int right = b.at(column / Tiles.WIDE, first);
        RowTiles.multiply(block.count() - first, p, left, b.elements(), right, product.elements());
        put(product, to, key, column, accumulate);
      }
    }
  }

  private static void put(TileProduct product, Matrix to, int row, int column, boolean accumulate) {
    if (accumulate) {
      product.addTo(to, row, column);
    } else {
      product.copyTo(to, row, column);
    }
  }
}
