package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/**
 * Kernels that count what others do. Rows of a soft-max are called by many threads at once and are
 * not counted.
 */
record ProfiledKernels(Kernels kernels, KernelProfile profile) implements Kernels {

  @Override
  public String name() {
    return kernels.name();
  }

  @Override
  public String description() {
    return kernels.description();
  }

  private static double size(Matrix m) {
    return (double) m.rows() * m.columns();
  }

  private static double product(Matrix a, int columns) {
    return 2 * size(a) * columns;
  }

  private static double product(Matrix x, @Nullable LowRank lowRank) {
    if (lowRank == null) {
      return 0;
    }
    double inner = lowRank.first() == null ? 0 : product(x, lowRank.first().columns());
    return inner + product(lowRank.hidden(), lowRank.second().columns());
  }

  private static double bytes(PackedMatrix weight) {
    int width = weight.format() == WeightFormat.BFLOAT16 ? 2 : 4;
    return (double) width * weight.rows() * weight.columns();
  }

  @Override
  public void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    profile.time(
        "multiply",
        product(a, b.columns()),
        4 * (size(a) + size(b) + size(c)),
        () -> kernels.multiply(a, b, alpha, c, accumulate));
  }

  @Override
  public PackedMatrix allocate(int rows, int columns, WeightFormat format) {
    return kernels.allocate(rows, columns, format);
  }

  @Override
  public void linear(
      Matrix x,
      PackedMatrix weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y) {
    profile.time(
        "linear",
        product(x, weight.rows()) + product(x, lowRank),
        bytes(weight) + 4 * (size(x) + size(y)),
        () -> kernels.linear(x, weight, bias, addend, lowRank, y));
  }

  @Override
  public void linearBackward(
      Matrix dy, PackedMatrix weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate) {
    profile.time(
        "linearBackward",
        product(dy, weight.columns()) + product(dy, lowRank),
        bytes(weight) + 4 * (size(dy) + size(dx)),
        () -> kernels.linearBackward(dy, weight, lowRank, dx, accumulate));
  }

  @Override
  public double softmax(float[] x, int xOffset, float[] p, int pOffset, int length) {
    return kernels.softmax(x, xOffset, p, pOffset, length);
  }

  @Override
  public void softmaxBackward(float[] p, int pOffset, float[] dp, int dpOffset, int length) {
    kernels.softmaxBackward(p, pOffset, dp, dpOffset, length);
  }

  /** Operations of one product of queries and keys, those that a query sees alone. */
  private static double attentionProduct(AttentionShape shape) {
    double seen = 0;
    for (int s = 0; s < shape.sequences(); s++) {
      double queries = shape.queries()[s + 1] - shape.queries()[s];
      double keys = shape.keys()[s + 1] - shape.keys()[s];
      seen += queries * (keys - (queries - 1) / 2);
    }
    return 2 * seen * shape.channels();
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
    profile.time(
        "attention",
        2 * attentionProduct(shape),
        4 * (2 * size(out) + size(k) + size(v)),
        () -> kernels.attention(shape, q, k, v, out, max, inverseSum));
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
    profile.time(
        "attentionBackward",
        5 * attentionProduct(shape),
        4 * (3 * size(dOut) + 2 * (size(k) + size(v))),
        () ->
            kernels.attentionBackward(
                shape, q, k, v, dOut, max, inverseSum, dq, dk, dv, accumulate));
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
    double size = (double) rows * columns;
    profile.time(
        "layerNorm",
        8 * size,
        8 * size,
        () -> kernels.layerNorm(x, rows, columns, weight, bias, eps, y, mean, inverseDeviation));
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
    double size = (double) rows * columns;
    profile.time(
        "layerNormBackward",
        14 * size,
        (accumulate ? 16 : 12) * size,
        () ->
            kernels.layerNormBackward(
                dy, x, rows, columns, weight, mean, inverseDeviation, dx, accumulate));
  }

  @Override
  public void gelu(float[] x, float[] y, int length) {
    profile.time("gelu", 25.0 * length, 8.0 * length, () -> kernels.gelu(x, y, length));
  }

  @Override
  public void geluBackward(float[] x, float[] dy, float[] dx, int length, boolean accumulate) {
    profile.time(
        "geluBackward",
        34.0 * length,
        (accumulate ? 16.0 : 12.0) * length,
        () -> kernels.geluBackward(x, dy, dx, length, accumulate));
  }

  @Override
  public void adamW(
      float[] p, float[] g, float gradientScale, float[] m, float[] v, AdamWStep step) {
    profile.time(
        "adamW",
        14.0 * p.length,
        28.0 * p.length,
        () -> kernels.adamW(p, g, gradientScale, m, v, step));
  }
}
