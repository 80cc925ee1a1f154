package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/**
 * The arithmetic everything else is made of. Implementations are stateless and safe to call from
 * many threads; each call uses the shared pool of {@link Parallel} and returns when all is done. No
 * call changes its inputs. Arrays that are written must not overlap those that are read, unless a
 * method says so.
 *
 * <p>Sizes may be anything from 0: no multiple of a vector's width is assumed, and an empty sum is
 * 0. What is overwritten may hold anything before. Operands whose sizes do not fit are refused with
 * an {@code IllegalArgumentException} before any array is changed.
 */
public interface Kernels {

  /**
   * The short name, as {@code -Dlora4j.kernels} takes it.
   *
   * @return {@code "vector"} or {@code "portable"}
   */
  String name();

  /**
   * The name with what else decides the bits of a result, such as the width of a vector.
   *
   * @return a few words for logs, metrics and checkpoints
   */
  String description();

  /**
   * Matrix product {@code c = alpha a b}, or {@code c += alpha a b}.
   *
   * <p>An element starts at 0, or with {@code accumulate} at its present value, and the products
   * are added in ascending order of the inner index; {@code alpha} is multiplied into the elements
   * of one of the operands first.
   *
   * @param a {@code (m, k)}
   * @param b {@code (k, n)}
   * @param alpha the factor
   * @param c {@code (m, n)}; modified
   * @param accumulate whether to add to {@code c} instead of overwriting it
   * @throws IllegalArgumentException if the sizes do not fit
   */
  void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate);

  /**
   * Makes room for a frozen weight, all zeros, to be filled with {@link PackedMatrix#put}.
   *
   * @param rows out
   * @param columns in
   * @param format the numbers it is held in
   * @return the weight, in the layout that {@link #linear(Matrix, PackedMatrix, float[], Matrix)}
   *     and its gradient read
   * @throws IllegalArgumentException if a size is negative or there are more elements than a Java
   *     array holds
   */
  PackedMatrix allocate(int rows, int columns, WeightFormat format);

  /**
   * Lays out a frozen weight in float32.
   *
   * @param weight {@code (out, in)}; copied
   * @return the packed weight
   */
  default PackedMatrix pack(Matrix weight) {
    PackedMatrix packed = allocate(weight.rows(), weight.columns(), WeightFormat.FLOAT32);
    packed.put(0, 0, weight);
    return packed;
  }

  /**
   * The linear map of a frozen weight with all that is added to it, {@code y = addend + b + x W^T +
   * factor (x first) second}, in one pass over {@code x} and {@code y}.
   *
   * @param x {@code (m, in)}
   * @param weight W, {@code (out, in)}
   * @param bias b, {@code (out)}, or null for none
   * @param addend {@code (m, out)}, consecutive elements in a row, or null for none; may not be
   *     {@code y}
   * @param lowRank {@code first (in, r)}, or what it makes given in {@code hidden (m, r)}, and
   *     {@code second (r, out)}; null for none
   * @param y {@code (m, out)}, consecutive elements in a row; overwritten
   * @throws IllegalArgumentException if the sizes do not fit, or other kernels have packed the
   *     weight
   */
  void linear(
      Matrix x,
      PackedMatrix weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y);

  /**
   * The linear map alone, {@code y = x W^T + b}.
   *
   * @param x {@code (m, in)}
   * @param weight W, {@code (out, in)}
   * @param bias b, {@code (out)}, or null for none
   * @param y {@code (m, out)}, consecutive elements in a row; overwritten
   * @throws IllegalArgumentException if the sizes do not fit, or other kernels have packed the
   *     weight
   */
  default void linear(Matrix x, PackedMatrix weight, float @Nullable [] bias, Matrix y) {
    linear(x, weight, bias, null, null, y);
  }

  /**
   * The gradient of {@link #linear} by its input, {@code dx = dy W + factor (dy first) second}, or
   * {@code dx +=} that.
   *
   * @param dy {@code (m, out)}
   * @param weight W, {@code (out, in)}
   * @param lowRank {@code first (out, r)}, or what it makes given in {@code hidden (m, r)}, and
   *     {@code second (r, in)}; null for none
   * @param dx {@code (m, in)}, consecutive elements in a row; modified
   * @param accumulate whether to add to {@code dx} instead of overwriting it
   * @throws IllegalArgumentException if the sizes do not fit, or other kernels have packed the
   *     weight
   */
  void linearBackward(
      Matrix dy, PackedMatrix weight, @Nullable LowRank lowRank, Matrix dx, boolean accumulate);

  /**
   * The gradient of the linear map alone, {@code dx = dy W} or {@code dx += dy W}.
   *
   * @param dy {@code (m, out)}
   * @param weight W, {@code (out, in)}
   * @param dx {@code (m, in)}, consecutive elements in a row; modified
   * @param accumulate whether to add to {@code dx} instead of overwriting it
   * @throws IllegalArgumentException if the sizes do not fit, or other kernels have packed the
   *     weight
   */
  default void linearBackward(Matrix dy, PackedMatrix weight, Matrix dx, boolean accumulate) {
    linearBackward(dy, weight, null, dx, accumulate);
  }

  /**
   * Soft-max of one row, {@code p_i = exp(x_i - max) / sum_j exp(x_j - max)}; runs on the calling
   * thread.
   *
   * @param x holds the row
   * @param xOffset where the row begins
   * @param p takes the result; may be {@code x} itself at the same offset
   * @param pOffset where the result begins
   * @param length the number of elements, at least 1
   * @return the logarithm of the sum of exponentials, {@code max + log(sum_j exp(x_j - max))}
   * @throws IllegalArgumentException if the row is empty or does not lie inside an array
   */
  double softmax(float[] x, int xOffset, float[] p, int pOffset, int length);

  /**
   * The gradient of a soft-max row, {@code dx_i = p_i (dp_i - sum_j p_j dp_j)}; runs on the calling
   * thread.
   *
   * @param p holds the soft-max
   * @param pOffset where it begins
   * @param dp holds its gradient and is overwritten with that of the input
   * @param dpOffset where it begins
   * @param length the number of elements, at least 1
   * @throws IllegalArgumentException if the row is empty or does not lie inside an array
   */
  void softmaxBackward(float[] p, int pOffset, float[] dp, int dpOffset, int length);

  /**
   * Causal multi-head attention (Vaswani et al. 2017) inside each sequence, {@code out = softmax(q
   * k^T / sqrt(HS)) v} for each head, where a query sees its own token and those before.
   *
   * @param shape which rows attend to which
   * @param q the queries, rows as the shape says, C columns
   * @param k {@code (N, C)}
   * @param v {@code (N, C)}
   * @param out {@code (M, C)}; overwritten
   * @param max {@code (NH, M)}, the largest score of each query; overwritten
   * @param inverseSum {@code (NH, M)}, the inverse of the sum of its exponentials; overwritten
   */
  void attention(
      AttentionShape shape,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      float[] max,
      float[] inverseSum);

  /**
   * The gradient of {@link #attention} by its inputs, written or added. Rows of {@code dq} that
   * hold no query stay as they are.
   *
   * @param shape which rows attend to which
   * @param q as given to the forward pass
   * @param k as given to the forward pass
   * @param v as given to the forward pass
   * @param dOut {@code (M, C)}
   * @param max from the forward pass
   * @param inverseSum from the forward pass
   * @param dq as {@code q}, or null if it is not needed; modified
   * @param dk {@code (N, C)}, or null; modified
   * @param dv {@code (N, C)}, or null; modified
   * @param accumulate whether to add instead of overwriting
   */
  void attentionBackward(
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
      boolean accumulate);

  /**
   * Layer norm of each row (Ba et al. 2016), {@code y = (x - mean) / sqrt(variance + eps) * weight
   * + bias} with the variance divided by the number of columns.
   *
   * @param x {@code (rows, columns)}
   * @param rows the number of rows
   * @param columns the number of columns
   * @param weight {@code (columns)}
   * @param bias {@code (columns)}
   * @param eps added to the variance
   * @param y {@code (rows, columns)}; overwritten
   * @param mean {@code (rows)}; overwritten
   * @param inverseDeviation {@code (rows)}, {@code 1 / sqrt(variance + eps)}; overwritten
   * @throws IllegalArgumentException if an array is too short
   */
  void layerNorm(
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] bias,
      float eps,
      float[] y,
      float[] mean,
      float[] inverseDeviation);

  /**
   * The gradient of {@link #layerNorm} by its input, written or added to {@code dx}: with {@code
   * xhat = (x - mean) * inverseDeviation} and {@code g = dy * weight}, {@code dx +=
   * inverseDeviation * (g - mean(g) - xhat * mean(g * xhat))}.
   *
   * @param dy {@code (rows, columns)}
   * @param x {@code (rows, columns)}, as given to the forward pass
   * @param rows the number of rows
   * @param columns the number of columns
   * @param weight {@code (columns)}
   * @param mean {@code (rows)}, from the forward pass
   * @param inverseDeviation {@code (rows)}, from the forward pass
   * @param dx {@code (rows, columns)}; modified
   * @param accumulate whether to add to {@code dx} instead of overwriting it
   * @throws IllegalArgumentException if an array is too short
   */
  void layerNormBackward(
      float[] dy,
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] mean,
      float[] inverseDeviation,
      float[] dx,
      boolean accumulate);

  /**
   * GELU with the tanh approximation (Hendrycks and Gimpel 2016), {@code y = x/2 (1 +
   * tanh(sqrt(2/pi) (x + 0.044715 x^3)))}.
   *
   * @param x the input
   * @param y overwritten
   * @param length the number of elements
   * @throws IllegalArgumentException if an array is shorter
   */
  void gelu(float[] x, float[] y, int length);

  /**
   * The gradient of {@link #gelu}.
   *
   * @param x the input of the forward pass
   * @param dy the gradient of its output
   * @param dx modified
   * @param length the number of elements
   * @param accumulate whether to add to {@code dx} instead of overwriting it
   * @throws IllegalArgumentException if an array is shorter
   */
  void geluBackward(float[] x, float[] dy, float[] dx, int length, boolean accumulate);

  /**
   * One AdamW step (Loshchilov and Hutter 2019), in this order, as PyTorch takes it:
   *
   * <pre>
   * p -= learningRate * weightDecay * p
   * m  = beta1 m + (1 - beta1) g
   * v  = beta2 v + (1 - beta2) g^2
   * p -= learningRate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
   * </pre>
   *
   * @param p the parameter; modified
   * @param g its gradient
   * @param gradientScale the factor the gradient is multiplied by before use, 1 for none
   * @param m the first moment; modified
   * @param v the second moment; modified
   * @param step the settings and the number of the step
   * @throws IllegalArgumentException if the arrays differ in length
   */
  void adamW(float[] p, float[] g, float gradientScale, float[] m, float[] v, AdamWStep step);
}
