package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.AdamWStep;
import io.github.lora4j.kernel.AttentionHead;
import io.github.lora4j.kernel.AttentionShape;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.SelfChecking;
import io.github.lora4j.kernel.Sizes;
import io.github.lora4j.kernel.WeightFormat;
import org.jspecify.annotations.Nullable;

/** The kernels written with the Vector API. */
public final class VectorKernels implements Kernels, SelfChecking {

  private final @Nullable String complaint;

  /**
   * Creates the kernels and warms them up, which takes a fifth of a second.
   *
   * @throws UnsupportedOperationException if the machine has no vectors of at least four floats
   */
  public VectorKernels() {
    if (Lanes.COUNT < 4) {
      throw new UnsupportedOperationException("vectors of " + Lanes.COUNT + " floats");
    }
    complaint = WarmUp.run();
  }

  @Override
  public @Nullable String complaint() {
    return complaint;
  }

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public String description() {
    return "vector, %d lanes".formatted(Lanes.COUNT);
  }

  @Override
  public void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    Sizes.checkProduct(a, b, c);
    if (c.rows() > 0 && c.columns() > 0) {
      Products.multiply(a, b, alpha, c, accumulate);
    }
  }

  @Override
  public PackedMatrix allocate(int rows, int columns, WeightFormat format) {
    return switch (format) {
      case FLOAT32 -> new Float32Weight(rows, columns);
      case BFLOAT16 -> new BFloat16Weight(rows, columns);
    };
  }

  @Override
  public void linear(
      Matrix x,
      PackedMatrix weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y) {
    FrozenWeight frozen = Sizes.packedAs(weight, FrozenWeight.class);
    Sizes.checkLinear(x, weight, bias, addend, lowRank, y);
    new WideProduct(x, frozen.forward(), false, bias, addend, lowRank, y).run();
  }

  @Override
  public void linearBackward(
      Matrix dy, PackedMatrix weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate) {
    FrozenWeight frozen = Sizes.packedAs(weight, FrozenWeight.class);
    Sizes.checkLinearBackward(dy, weight, lowRank, dx);
    new WideProduct(dy, frozen.backward(), accumulate, null, null, lowRank, dx).run();
  }

  @Override
  public double softmax(float[] x, int xOffset, float[] p, int pOffset, int length) {
    Sizes.checkSoftmax(x, xOffset, p, pOffset, length);
    return SoftmaxRows.softmax(x, xOffset, p, pOffset, length);
  }

  @Override
  public void softmaxBackward(float[] p, int pOffset, float[] dp, int dpOffset, int length) {
    Sizes.checkSoftmax(p, pOffset, dp, dpOffset, length);
    SoftmaxRows.backward(p, pOffset, dp, dpOffset, length);
  }

  @Override
  public void attention(
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
          AttentionHead head = AttentionHead.of(shape, task);
          HeadAttention.current().forward(head, q, k, v, out, max, inverseSum);
        });
  }

  @Override
  public void attentionBackward(
      AttentionShape shape,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix dOut,
      float[] max,
      float[] inverseSum,
      @Nullable Matrix dq,
      @Nullable Matrix dk,
      @Nullable Matrix dv,
      boolean accumulate) {
    Parallel.forEach(
        shape.sequences() * shape.heads(),
        task -> {
          AttentionHead head = AttentionHead.of(shape, task);
          HeadAttention.current()
              .backward(head, q, k, v, dOut, max, inverseSum, dq, dk, dv, accumulate);
        });
  }

  @Override
  public void layerNorm(
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] bias,
      float eps,
      float[] y,
      float[] mean,
      float[] inverseDeviation) {
    Sizes.checkLayerNorm(x, rows, columns, weight, bias, y, mean, inverseDeviation);
    forRows(
        rows,
        columns,
        (from, to) ->
            NormRows.forward(x, from, to, columns, weight, bias, eps, y, mean, inverseDeviation));
  }

  @Override
  public void layerNormBackward(
      float[] dy,
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] mean,
      float[] inverseDeviation,
      float[] dx,
      boolean accumulate) {
    Sizes.checkLayerNormBackward(dy, x, rows, columns, weight, mean, inverseDeviation, dx);
    forRows(
        rows,
        columns,
        (from, to) ->
            NormRows.backward(
                dy, x, from, to, columns, weight, mean, inverseDeviation, dx, accumulate));
  }

  /** Hands out rows in groups that are worth a thread's while. */
  private static void forRows(int rows, int columns, Elementwise.Range body) {
    int perTask = Math.max(1, (1 << 14) / Math.max(1, columns));
    Parallel.forEach(
        (rows + perTask - 1) / perTask,
        task -> body.accept(task * perTask, Math.min(rows, (task + 1) * perTask)));
  }

  @Override
  public void gelu(float[] x, float[] y, int length) {
    Sizes.checkHolds("gelu", length, x, y);
    Elementwise.chunks(length, (from, to) -> GeluRange.forward(x, y, from, to));
  }

  @Override
  public void geluBackward(float[] x, float[] dy, float[] dx, int length, boolean accumulate) {
    Sizes.checkHolds("geluBackward", length, x, dy, dx);
    Elementwise.chunks(length, (from, to) -> GeluRange.backward(x, dy, dx, accumulate, from, to));
  }

  @Override
  public void adamW(
      float[] p, float[] g, float gradientScale, float[] m, float[] v, AdamWStep step) {
    Sizes.checkAdamW(p, g, m, v);
    AdamWRange range = new AdamWRange(gradientScale, step);
    Elementwise.chunks(p.length, (from, to) -> range.step(p, g, m, v, from, to));
  }
}
