package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.AdamWStep;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.SelfChecking;
import io.github.lora4j.kernel.Sizes;
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
  public PackedMatrix pack(Matrix weight) {
    return new FrozenWeight(weight);
  }

  @Override
  public void linear(Matrix x, PackedMatrix weight, float @Nullable [] bias, Matrix y) {
    FrozenWeight frozen = Sizes.packedAs(weight, FrozenWeight.class);
    Sizes.checkLinear(x, weight, bias, y);
    Products.multiplyPacked(x, frozen.forward(), weight.rows(), 1, y, false, bias);
  }

  @Override
  public void linearBackward(Matrix dy, PackedMatrix weight, Matrix dx, boolean accumulate) {
    FrozenWeight frozen = Sizes.packedAs(weight, FrozenWeight.class);
    Sizes.checkLinearBackward(dy, weight, dx);
    Products.multiplyPacked(dy, frozen.backward(), weight.columns(), 1, dx, accumulate, null);
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
  public void gelu(float[] x, float[] y) {
    Sizes.checkGelu(x, y);
    Elementwise.chunks(x.length, (from, to) -> GeluRange.forward(x, y, from, to));
  }

  @Override
  public void geluBackward(float[] x, float[] dy, float[] dx, boolean accumulate) {
    Sizes.checkGeluBackward(x, dy, dx);
    Elementwise.chunks(x.length, (from, to) -> GeluRange.backward(x, dy, dx, accumulate, from, to));
  }

  @Override
  public void adamW(
      float[] p, float[] g, float gradientScale, float[] m, float[] v, AdamWStep step) {
    Sizes.checkAdamW(p, g, m, v);
    AdamWRange range = new AdamWRange(gradientScale, step);
    Elementwise.chunks(p.length, (from, to) -> range.step(p, g, m, v, from, to));
  }
}
