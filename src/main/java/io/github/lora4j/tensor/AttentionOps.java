package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Causal multi-head attention over a batch given by offsets.
 *
 * <p>Sequences and heads are independent and are shared out among the threads. Inside one, queries
 * are taken in blocks of rows: the scores of a block against all keys it sees are the only large
 * intermediate, so that memory grows with T and not with its square. The backward pass computes the
 * soft-max again.
 */
final class AttentionOps {

  private static final int QUERIES_PER_BLOCK = 64;

  private static final ThreadLocal<float[][]> SCRATCH =
      ThreadLocal.withInitial(() -> new float[2][0]);

  private AttentionOps() {}

  static Tensor split(Tensor query, Tensor key, Tensor value, int heads, int[] offsets) {
    Operands.check(
        query.shape().rank() == 2
            && query.shape().equals(key.shape())
            && query.shape().equals(value.shape()),
        "causalAttention",
        "query, key and value of one shape (N, C)",
        query.shape(),
        key.shape(),
        value.shape());
    Operand q = new Operand(query, 0);
    Operand k = new Operand(key, 0);
    Operand v = new Operand(value, 0);
    return attend(q, k, v, query.shape().columns(), heads, offsets);
  }

  static Tensor fused(Tensor queryKeyValue, int heads, int[] offsets) {
    Shape shape = queryKeyValue.shape();
    Operands.check(
        shape.rank() == 2 && shape.columns() % 3 == 0,
        "causalAttention",
        "query, key and value side by side, (N, 3C)",
        shape);
    int channels = shape.columns() / 3;
    Operand q = new Operand(queryKeyValue, 0);
    Operand k = new Operand(queryKeyValue, channels);
    Operand v = new Operand(queryKeyValue, 2 * channels);
    return attend(q, k, v, channels, heads, offsets);
  }

  /** Query, key or value: C columns of a tensor, beginning at the first column. */
  private record Operand(Tensor tensor, int firstColumn) {
    Matrix view(float[] data, int channels) {
      Shape shape = tensor.shape();
      return Matrix.of(data, shape.rows(), shape.columns()).columns(firstColumn, channels);
    }

    Matrix values(int channels) {
      return view(tensor.data(), channels);
    }
  }

  private static Tensor attend(
      Operand q, Operand k, Operand v, int channels, int heads, int[] offsets) {
    int tokens = q.tensor().shape().rows();
    Operands.check(
        heads > 0 && channels % heads == 0,
        "causalAttention",
        "(N, C) with C a multiple of the heads",
        q.tensor().shape(),
        heads + " heads");
    checkOffsets(offsets, tokens);
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("causalAttention", q.tensor(), k.tensor(), v.tensor());
    Tape recorder = Operands.recorder(tape, q.tensor(), k.tensor(), v.tensor());
    float[] attended = Tape.array(tape, tokens * channels);
    Attention attention =
        new Attention(
            kernels,
            q.values(channels),
            k.values(channels),
            v.values(channels),
            channels / heads,
            heads,
            offsets.clone());
    attention.forward(Matrix.of(attended, tokens, channels));
    Tensor y = Tensor.outcome(Shape.of(tokens, channels), attended, tape, recorder != null);
    if (recorder != null) {
      Target dQ = new Target(q);
      Target dK = new Target(k);
      Target dV = new Target(v);
      recorder.record(
          y,
          dOut ->
              attention.backward(
                  Matrix.of(dOut, tokens, channels),
                  dQ.view(channels),
                  dK.view(channels),
                  dV.view(channels)));
    }
    return y;
  }

  private static void checkOffsets(int[] offsets, int tokens) {
    boolean fit = offsets.length > 0 && offsets[0] == 0 && offsets[offsets.length - 1] == tokens;
    for (int i = 1; fit && i < offsets.length; i++) {
      fit = offsets[i] > offsets[i - 1];
    }
    if (!fit) {
      throw new ShapeMismatchException(
          "causalAttention: offsets ascending from 0 to the number of tokens, %d, expected, got %s"
              .formatted(tokens, brief(offsets)));
    }
  }

  private static String brief(int[] offsets) {
    int hidden = Math.max(0, offsets.length - 8);
    String beginning = Arrays.toString(Arrays.copyOf(offsets, offsets.length - hidden));
    return hidden == 0 ? beginning : beginning + " and " + hidden + " more";
  }

  /** Where the gradient of an operand goes; keeps no data of it. */
  private record Target(@Nullable Gradient gradient, Shape shape, int firstColumn) {
    Target(Operand operand) {
      this(operand.tensor().gradient(), operand.tensor().shape(), operand.firstColumn());
    }

    @Nullable Matrix view(int channels) {
      return gradient == null
          ? null
          : Matrix.of(gradient.zerosOrPresent(), shape.rows(), shape.columns())
              .columns(firstColumn, channels);
    }
  }

  /** The arithmetic on views {@code (N, C)}. */
  private record Attention(
      Kernels kernels, Matrix q, Matrix k, Matrix v, int headSize, int heads, int[] offsets) {

    private float scaling() {
      return (float) (1 / Math.sqrt(headSize));
    }

    /** One sequence and one head of a view: {@code (T, HS)}. */
    private Matrix part(Matrix m, int sequence, int head) {
      int first = offsets[sequence];
      return m.block(first, offsets[sequence + 1] - first, head * headSize, headSize);
    }

    void forward(Matrix out) {
      Parallel.forEach(
          (offsets.length - 1) * heads,
          task -> {
            int s = task / heads;
            int h = task % heads;
            forward(part(q, s, h), part(k, s, h), part(v, s, h), part(out, s, h));
          });
    }

    private void forward(Matrix q, Matrix k, Matrix v, Matrix out) {
      for (int first = 0; first < q.rows(); first += QUERIES_PER_BLOCK) {
        int count = Math.min(QUERIES_PER_BLOCK, q.rows() - first);
        Matrix p = probabilities(q, k, first, count);
        kernels.multiply(p, v.rows(0, first + count), 1, out.rows(first, count), false);
      }
    }

    /**
     * The soft-max of a block of queries against the keys up to its end; 0 where a key is not seen.
     */
    private Matrix probabilities(Matrix q, Matrix k, int first, int count) {
      int keys = first + count;
      Matrix p = scratch(0, count, keys);
      kernels.multiply(q.rows(first, count), k.rows(0, keys).transpose(), scaling(), p, false);
      for (int i = 0; i < count; i++) {
        int seen = first + i + 1;
        kernels.softmax(p.data(), i * keys, p.data(), i * keys, seen);
        Arrays.fill(p.data(), i * keys + seen, (i + 1) * keys, 0f);
      }
      return p;
    }

    void backward(Matrix dOut, @Nullable Matrix dQ, @Nullable Matrix dK, @Nullable Matrix dV) {
      Parallel.forEach(
          (offsets.length - 1) * heads,
          task -> {
            int s = task / heads;
            int h = task % heads;
            backward(
                part(q, s, h),
                part(k, s, h),
                part(v, s, h),
                part(dOut, s, h),
                dQ == null ? null : part(dQ, s, h),
                dK == null ? null : part(dK, s, h),
                dV == null ? null : part(dV, s, h));
          });
    }

    private void backward(
        Matrix q,
        Matrix k,
        Matrix v,
        Matrix dOut,
        @Nullable Matrix dQ,
        @Nullable Matrix dK,
        @Nullable Matrix dV) {
      for (int first = 0; first < q.rows(); first += QUERIES_PER_BLOCK) {
        int count = Math.min(QUERIES_PER_BLOCK, q.rows() - first);
        int keys = first + count;
        Matrix p = probabilities(q, k, first, count);
        Matrix dBlock = dOut.rows(first, count);
        if (dV != null) {
          kernels.multiply(p.transpose(), dBlock, 1, dV.rows(0, keys), true);
        }
        if (dQ == null && dK == null) {
          continue;
        }
        Matrix dScores = scratch(1, count, keys);
        kernels.multiply(dBlock, v.rows(0, keys).transpose(), 1, dScores, false);
        for (int i = 0; i < count; i++) {
          kernels.softmaxBackward(p.data(), i * keys, dScores.data(), i * keys, keys);
        }
        if (dQ != null) {
          kernels.multiply(dScores, k.rows(0, keys), scaling(), dQ.rows(first, count), true);
        }
        if (dK != null) {
          kernels.multiply(
              dScores.transpose(), q.rows(first, count), scaling(), dK.rows(0, keys), true);
        }
      }
    }

    private static Matrix scratch(int which, int rows, int columns) {
      float[][] buffers = SCRATCH.get();
      if (buffers[which].length < rows * columns) {
        buffers[which] = new float[rows * columns];
      }
      return Matrix.of(buffers[which], rows, columns);
    }
  }
}
