package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.AdamWStep;
import io.github.lora4j.kernel.AttentionShape;
import io.github.lora4j.kernel.Elementwise;
import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.LowRank;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.Sizes;
import io.github.lora4j.kernel.WeightFormat;
import org.jspecify.annotations.Nullable;

/** The kernels for every JVM: plain loops, of the kind that the compiler vectorises. */
public final class PortableKernels implements Kernels {

  private static final double SQRT_2_OVER_PI = 0.7978845608028654;
  private static final double CUBIC = 0.044715;

  private final BlockedAttention attention = new BlockedAttention(this);

  /** Creates the kernels; they hold no state. */
  public PortableKernels() {}

  @Override
  public String name() {
    return "portable";
  }

  @Override
  public String description() {
    return "portable";
  }

  @Override
  public void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    Sizes.checkProduct(a, b, c);
    Products.multiply(a, b, alpha, c, accumulate);
  }

  @Override
  public PackedMatrix allocate(int rows, int columns, WeightFormat format) {
    return new PortableWeight(rows, columns, format);
  }

  @Override
  public void linear(
      Matrix x,
      PackedMatrix weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y) {
    PortableWeight frozen = Sizes.packedAs(weight, PortableWeight.class);
    Sizes.checkLinear(x, weight, bias, addend, lowRank, y);
    Elementwise.fillRows(y, bias, addend);
    Products.multiply(x, frozen.forward(), 1, y, bias != null || addend != null);
    add(x, lowRank, y);
  }

  @Override
  public void linearBackward(
      Matrix dy, PackedMatrix weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate) {
    PortableWeight frozen = Sizes.packedAs(weight, PortableWeight.class);
    Sizes.checkLinearBackward(dy, weight, lowRank, dx);
    Products.multiply(dy, frozen.backward(), 1, dx, accumulate);
    add(dy, lowRank, dx);
  }

  private void add(Matrix x, @Nullable LowRank product, Matrix target) {
    if (product != null) {
      LowRank given = product.given(x, this);
      Products.multiply(given.hidden(), given.second(), given.factor(), target, true);
    }
  }

  @Override
  public double softmax(float[] x, int xOffset, float[] p, int pOffset, int length) {
    Sizes.checkSoftmax(x, xOffset, p, pOffset, length);
    float max = x[xOffset];
    for (int i = 1; i < length; i++) {
      max = Math.max(max, x[xOffset + i]);
    }
    double sum = 0;
    for (int i = 0; i < length; i++) {
      float e = (float) Exponential.exp((double) x[xOffset + i] - max);
      p[pOffset + i] = e;
      sum += e;
    }
    for (int i = 0; i < length; i++) {
      p[pOffset + i] = (float) (p[pOffset + i] / sum);
    }
    return max + StrictMath.log(sum);
  }

  @Override
  public void softmaxBackward(float[] p, int pOffset, float[] dp, int dpOffset, int length) {
    Sizes.checkSoftmax(p, pOffset, dp, dpOffset, length);
    double dot = 0;
    for (int i = 0; i < length; i++) {
      dot += (double) p[pOffset + i] * dp[dpOffset + i];
    }
    float mean = (float) dot;
    for (int i = 0; i < length; i++) {
      dp[dpOffset + i] = p[pOffset + i] * (dp[dpOffset + i] - mean);
    }
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
    attention.forward(shape, q, k, v, out, max, inverseSum);
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
    attention.backward(shape, q, k, v, dOut, max, inverseSum, dq, dk, dv, accumulate);
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
    Parallel.forEach(
        rows,
        row -> {
          int from = row * columns;
          double sum = 0;
          for (int j = 0; j < columns; j++) {
            sum += x[from + j];
          }
          double average = sum / columns;
          double squares = 0;
          for (int j = 0; j < columns; j++) {
            double difference = x[from + j] - average;
            squares += difference * difference;
          }
          float m = (float) average;
          float s = (float) (1 / Math.sqrt(squares / columns + eps));
          for (int j = 0; j < columns; j++) {
            y[from + j] = (x[from + j] - m) * s * weight[j] + bias[j];
          }
          mean[row] = m;
          inverseDeviation[row] = s;
        });
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
    Parallel.forEach(
        rows,
        row -> {
          int from = row * columns;
          float m = mean[row];
          float s = inverseDeviation[row];
          double sum = 0;
          double dot = 0;
          for (int j = 0; j < columns; j++) {
            double g = (double) dy[from + j] * weight[j];
            sum += g;
            dot += g * ((x[from + j] - m) * s);
          }
          float meanG = (float) (sum / columns);
          float meanDot = (float) (dot / columns);
          for (int j = 0; j < columns; j++) {
            float normalized = (x[from + j] - m) * s;
            float d = s * (dy[from + j] * weight[j] - meanG - normalized * meanDot);
            dx[from + j] = accumulate ? dx[from + j] + d : d;
          }
        });
  }

  @Override
  public void gelu(float[] x, float[] y, int length) {
    Sizes.checkHolds("gelu", length, x, y);
    Elementwise.chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            double v = x[i];
            double t = Exponential.tanh(SQRT_2_OVER_PI * (v + CUBIC * v * v * v));
            y[i] = (float) (0.5 * v * (1 + t));
          }
        });
  }

  @Override
  public void geluBackward(float[] x, float[] dy, float[] dx, int length, boolean accumulate) {
    Sizes.checkHolds("geluBackward", length, x, dy, dx);
    Elementwise.chunks(
        length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            double v = x[i];
            double t = Exponential.tanh(SQRT_2_OVER_PI * (v + CUBIC * v * v * v));
            double slope =
                0.5 * (1 + t) + 0.5 * v * (1 - t * t) * SQRT_2_OVER_PI * (1 + 3 * CUBIC * v * v);
            float d = (float) (dy[i] * slope);
            dx[i] = accumulate ? dx[i] + d : d;
          }
        });
  }

  @Override
  public void adamW(
      float[] p, float[] g, float gradientScale, float[] m, float[] v, AdamWStep step) {
    Sizes.checkAdamW(p, g, m, v);
    float decay = step.decayFactor();
    float stepSize = step.stepSize();
    float denominatorScale = step.denominatorScale();
    float beta1 = step.beta1();
    float beta2 = step.beta2();
    float eps = step.eps();
    Elementwise.chunks(
        p.length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            float gradient = g[i] * gradientScale;
            m[i] = beta1 * m[i] + (1 - beta1) * gradient;
            v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
            float denominator = (float) Math.sqrt(v[i]) * denominatorScale + eps;
            p[i] = decay * p[i] - stepSize * m[i] / denominator;
          }
        });
  }
}
