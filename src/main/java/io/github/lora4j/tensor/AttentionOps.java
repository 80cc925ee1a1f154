package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.AttentionShape;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Causal multi-head attention over a batch given by offsets. */
final class AttentionOps {

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
    int channels = query.shape().columns();
    int headSize = headSize(query, channels, heads);
    checkOffsets(offsets, key.shape().rows());
    return attend(
        new Operand(query, 0),
        new Operand(key, 0),
        new Operand(value, 0),
        AttentionShape.ofAll(heads, headSize, offsets.clone()));
  }

  static Tensor splitLast(Tensor query, Tensor key, Tensor value, int heads, int[] offsets) {
    Operands.check(
        query.shape().rank() == 2
            && key.shape().equals(value.shape())
            && key.shape().equals(Shape.of(key.shape().rows(), query.shape().columns()))
            && query.shape().rows() == offsets.length - 1,
        "lastTokenAttention",
        "a query for each sequence (B, C), key and value (N, C)",
        query.shape(),
        key.shape(),
        value.shape());
    int channels = query.shape().columns();
    int headSize = headSize(query, channels, heads);
    checkOffsets(offsets, key.shape().rows());
    return attend(
        new Operand(query, 0),
        new Operand(key, 0),
        new Operand(value, 0),
        AttentionShape.ofLast(heads, headSize, offsets, true));
  }

  static Tensor fused(Tensor queryKeyValue, int heads, int[] offsets, boolean lastOnly) {
    Shape shape = queryKeyValue.shape();
    Operands.check(
        shape.rank() == 2 && shape.columns() % 3 == 0,
        "causalAttention",
        "query, key and value side by side, (N, 3C)",
        shape);
    int channels = shape.columns() / 3;
    int headSize = headSize(queryKeyValue, channels, heads);
    checkOffsets(offsets, shape.rows());
    return attend(
        new Operand(queryKeyValue, 0),
        new Operand(queryKeyValue, channels),
        new Operand(queryKeyValue, 2 * channels),
        lastOnly
            ? AttentionShape.ofLast(heads, headSize, offsets, false)
            : AttentionShape.ofAll(heads, headSize, offsets.clone()));
  }

  private static int headSize(Tensor query, int channels, int heads) {
    Operands.check(
        heads > 0 && channels % heads == 0,
        "causalAttention",
        "(N, C) with C a multiple of the heads",
        query.shape(),
        heads + " heads");
    return channels / heads;
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

  /** Query, key or value: C columns of a tensor, beginning at the first column. */
  private record Operand(Tensor tensor, int firstColumn) {

    Saved saved() {
      return new Saved(tensor.elements(), tensor.gradient(), tensor.shape(), firstColumn);
    }
  }

  /** What the backward pass needs of an operand. */
  private record Saved(
      Elements elements, @Nullable Gradient gradient, Shape shape, int firstColumn) {

    private Matrix view(float[] data, int channels) {
      return Matrix.of(data, shape.rows(), shape.columns()).columns(firstColumn, channels);
    }

    Matrix values(int channels) {
      return view(elements.get(), channels);
    }

    @Nullable Matrix gradient(int channels, boolean accumulate) {
      if (gradient == null) {
        return null;
      }
      return view(accumulate ? gradient.zerosOrPresent() : gradient.toOverwrite(), channels);
    }
  }

  private static Tensor attend(
      Operand query, Operand key, Operand value, AttentionShape attention) {
    int channels = attention.channels();
    Shape shape = Shape.of(attention.queryCount(), channels);
    Kernels kernels = ActiveKernels.get();
    Tape tape = Operands.tape("causalAttention", query.tensor(), key.tensor(), value.tensor());
    Tape recorder = Operands.recorder(tape, query.tensor(), key.tensor(), value.tensor());
    Saved q = query.saved();
    Saved k = key.saved();
    Saved v = value.saved();
    float[] attended = Tape.array(tape, shape.numel());
    int statistics = attention.heads() * attention.queryCount();
    float[] max = Tape.array(tape, statistics);
    float[] inverseSum = Tape.array(tape, statistics);
    kernels.attention(
        attention,
        q.values(channels),
        k.values(channels),
        v.values(channels),
        Matrix.of(attended, shape.rows(), channels),
        max,
        inverseSum);
    Tensor y = Tensor.outcome(shape, attended, tape, recorder != null);
    if (recorder == null) {
      Tape.giveBack(tape, max);
      Tape.giveBack(tape, inverseSum);
      return y;
    }
    recorder.record(
        y,
        dOut -> {
          // Side by side in one array, or with fewer queries than rows, not all is written.
          boolean accumulate =
              q.elements() == k.elements() || anyPresent(q.gradient(), k.gradient(), v.gradient());
          kernels.attentionBackward(
              attention,
              q.values(channels),
              k.values(channels),
              v.values(channels),
              Matrix.of(dOut, shape.rows(), channels),
              max,
              inverseSum,
              q.gradient(channels, accumulate),
              k.gradient(channels, accumulate),
              v.gradient(channels, accumulate),
              accumulate);
          Tape.giveBack(tape, max);
          Tape.giveBack(tape, inverseSum);
        });
    return y;
  }

  private static boolean anyPresent(@Nullable Gradient... gradients) {
    for (Gradient gradient : gradients) {
      if (gradient != null && gradient.values() != null) {
        return true;
      }
    }
    return false;
  }
}
