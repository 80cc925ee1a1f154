package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A float32 array with a shape, row-major. A leaf is a parameter or an input; every other tensor is
 * the outcome of an operation, and the operations are its methods. An operation changes none of its
 * operands unless its name ends in {@code InPlace}.
 *
 * <p>Operations on tensors without a tape may run in many threads at once.
 */
public final class Tensor {

  private final Shape shape;
  private final float[] data;
  private final @Nullable Tape tape;
  private @Nullable Gradient gradient;
  private volatile @Nullable PackedMatrix packed;

  private Tensor(Shape shape, float[] data, @Nullable Tape tape, @Nullable Gradient gradient) {
    if (data.length != shape.numel()) {
      throw new ShapeMismatchException(
          "tensor: %d elements expected for shape %s, got %d"
              .formatted(shape.numel(), shape, data.length));
    }
    this.shape = shape;
    this.data = data;
    this.tape = tape;
    this.gradient = gradient;
  }

  /**
   * A leaf that requires no gradient and has no tape.
   *
   * @param data the elements, row-major; not copied
   * @param dims the sizes of the dimensions, outermost first; none for a scalar
   * @return the tensor
   * @throws ShapeMismatchException if the number of elements is not the product of the sizes
   */
  public static Tensor of(float[] data, int... dims) {
    return new Tensor(Shape.of(dims), data, null, null);
  }

  /**
   * A leaf of zeros.
   *
   * @param dims the sizes of the dimensions, outermost first
   * @return the tensor
   */
  public static Tensor zeros(int... dims) {
    Shape shape = Shape.of(dims);
    return new Tensor(shape, new float[shape.numel()], null, null);
  }

  /**
   * The outcome of an operation: on the tape of its operands, and with a gradient if it is to be
   * recorded.
   */
  static Tensor outcome(Shape shape, float[] data, @Nullable Tape tape, boolean recorded) {
    return new Tensor(shape, data, tape, recorded ? new Gradient(shape.numel(), tape) : null);
  }

  /**
   * These elements as an activation on a tape, such as the input of a network. Requires no gradient
   * itself.
   *
   * @param tape the tape, or null for inference
   * @return a tensor that shares the elements
   */
  public Tensor on(@Nullable Tape tape) {
    return new Tensor(shape, data, tape, null);
  }

  /**
   * The shape.
   *
   * @return the sizes of the dimensions
   */
  public Shape shape() {
    return shape;
  }

  /**
   * The elements themselves, row-major, not a copy. The elements of a frozen weight that has been
   * used must not be changed.
   *
   * @return the array
   */
  public float[] data() {
    return data;
  }

  /**
   * The only element.
   *
   * @return the value of a tensor of one element
   * @throws ShapeMismatchException if there are more or fewer elements
   */
  public float item() {
    if (data.length != 1) {
      throw new ShapeMismatchException("item: one element expected, got shape " + shape);
    }
    return data[0];
  }

  /**
   * The tape this activation is on.
   *
   * @return the tape, or null for a parameter or in inference
   */
  public @Nullable Tape tape() {
    return tape;
  }

  /**
   * Whether a backward pass computes the gradient of this tensor.
   *
   * @return true for a trained parameter and for what was computed from one on a tape
   */
  public boolean requiresGrad() {
    return gradient != null;
  }

  /**
   * Makes a leaf require a gradient, or not. Forgets a gradient that was gathered.
   *
   * @param requiresGrad whether it shall be computed
   * @return this tensor
   */
  public Tensor requireGrad(boolean requiresGrad) {
    gradient = requiresGrad ? new Gradient(shape.numel(), null) : null;
    packed = null;
    return this;
  }

  /**
   * The gradient gathered by backward passes since the last {@link #zeroGrad}.
   *
   * @return the array itself, as long as {@link #data()}, or null if there is none
   */
  public float @Nullable [] grad() {
    Gradient present = gradient;
    return present == null ? null : present.values();
  }

  /** Forgets the gradient gathered so far. */
  public void zeroGrad() {
    Gradient present = gradient;
    if (present != null) {
      present.take();
    }
  }

  /**
   * Runs the tape of this scalar backwards: adds its gradient to every parameter that requires one.
   *
   * @throws IllegalArgumentException if this is not a scalar
   * @throws IllegalStateException if it has no tape, depends on no trained parameter, or its tape
   *     was used
   */
  public void backward() {
    if (tape == null) {
      throw new IllegalStateException(
          "backward: a loss computed with a tape expected, got one without (inference)");
    }
    tape.backward(this);
  }

  @Nullable Gradient gradient() {
    return gradient;
  }

  /** The gradient of a tensor that is known to require one. */
  Gradient neededGradient() {
    return Objects.requireNonNull(gradient);
  }

  /** The elements as a matrix: all dimensions but the last are rows. */
  Matrix matrix() {
    return Matrix.of(data, shape.rows(), shape.columns());
  }

  /**
   * This frozen weight in the layout of the active kernels, made at the first use and then kept.
   */
  PackedMatrix packed() {
    PackedMatrix present = packed;
    if (present == null) {
      synchronized (this) {
        present = packed;
        if (present == null) {
          present = ActiveKernels.get().pack(matrix());
          packed = present;
        }
      }
    }
    return present;
  }

  /**
   * Sum, {@code y = x + other}, element by element.
   *
   * @param other as this tensor, {@code (...)}
   * @return {@code (...)}
   * @throws ShapeMismatchException if the shapes differ
   */
  public Tensor add(Tensor other) {
    return ElementwiseOps.add(this, other);
  }

  /**
   * Product, {@code y = x * other}, element by element.
   *
   * @param other as this tensor, {@code (...)}
   * @return {@code (...)}
   * @throws ShapeMismatchException if the shapes differ
   */
  public Tensor multiply(Tensor other) {
    return ElementwiseOps.multiply(this, other);
  }

  /**
   * Product with a number, {@code y = factor * x}.
   *
   * @param factor any number
   * @return {@code (...)}
   */
  public Tensor scale(float factor) {
    return ElementwiseOps.scale(this, factor);
  }

  /**
   * GELU in the tanh approximation (Hendrycks and Gimpel 2016), {@code y = x/2 (1 + tanh(sqrt(2/pi)
   * (x + 0.044715 x^3)))}: GPT-2's {@code gelu_new}.
   *
   * @return {@code (...)}
   */
  public Tensor gelu() {
    return ElementwiseOps.gelu(this);
  }

  /**
   * Inverted dropout (Srivastava et al. 2014) while training: an element is 0 with the given
   * probability, else {@code x / (1 - probability)}. The identity without a tape. Which elements
   * fall is a function of the tape's seed, epoch and step, of the place and of the element's index.
   *
   * @param probability in [0, 1)
   * @param place what tells this dropout from all others, see {@link CounterRandom#place}
   * @return {@code (...)}
   */
  public Tensor dropout(float probability, long place) {
    return ElementwiseOps.dropout(this, probability, place);
  }

  /**
   * Matrix product, {@code y = x other}.
   *
   * @param other {@code (k, n)}
   * @return {@code (..., n)} for this tensor {@code (..., k)}
   * @throws ShapeMismatchException if the inner sizes differ
   */
  public Tensor matmul(Tensor other) {
    return MatrixOps.matmul(this, other);
  }

  /**
   * Linear map, {@code y = x W^T + b}.
   *
   * @param weight W, {@code (out, in)}
   * @param bias b, {@code (out)}, or null for none
   * @return {@code (..., out)} for this tensor {@code (..., in)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor linear(Tensor weight, @Nullable Tensor bias) {
    return MatrixOps.linear(this, weight, bias);
  }

  /**
   * Adds a scaled product to this tensor in place, {@code y = y + factor * (a b)}. The outcome
   * takes over the elements of this tensor; nothing is copied. So this tensor must have no other
   * use, before or after, nor be the outcome of {@link #softmax}, which its backward pass reads, or
   * of {@link #dropout}, which may be its input.
   *
   * @param a {@code (..., k)}
   * @param b {@code (k, n)}
   * @param factor any number
   * @return {@code (..., n)}, as this tensor
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor addMatmulInPlace(Tensor a, Tensor b, float factor) {
    return MatrixOps.addMatmulInPlace(this, a, b, factor);
  }

  /**
   * Layer norm over the last dimension (Ba et al. 2016), {@code y = (x - mean) / sqrt(variance +
   * eps) * weight + bias}.
   *
   * @param weight {@code (C)}
   * @param bias {@code (C)}
   * @param eps added to the variance
   * @return {@code (..., C)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor layerNorm(Tensor weight, Tensor bias, float eps) {
    return RowOps.layerNorm(this, weight, bias, eps);
  }

  /**
   * Soft-max over the last dimension, {@code y_i = exp(x_i) / sum_j exp(x_j)}.
   *
   * @return {@code (..., C)}, each row with the sum 1
   */
  public Tensor softmax() {
    return RowOps.softmax(this);
  }

  /**
   * Picks rows, {@code y_i = x_{rows[i]}}.
   *
   * @param rows indices of rows of this tensor; a row may be picked more than once
   * @return {@code (rows.length, C)} for this tensor {@code (N, C)}
   * @throws IllegalArgumentException if an index is out of range
   */
  public Tensor gatherRows(int[] rows) {
    return RowOps.gatherRows(this, rows);
  }

  /**
   * Looks up embeddings, {@code y_i = table_{ids[i]}}: the rows of this parameter that the ids
   * name.
   *
   * @param ids indices of rows of this table
   * @param tape the tape of the activations to come, or null for inference
   * @return {@code (ids.length, C)} for this table {@code (V, C)}
   * @throws IllegalArgumentException if an id is out of range, or this table is on a tape and the
   *     given one is another
   */
  public Tensor embedding(int[] ids, @Nullable Tape tape) {
    return RowOps.embedding(this, ids, tape);
  }

  /**
   * Causal multi-head attention (Vaswani et al. 2017) inside each sequence of a batch, {@code y =
   * softmax(q k^T / sqrt(HS)) v} for each head, where a token sees itself and the tokens before it.
   *
   * @param key {@code (N, C)}, as this tensor, which is the query
   * @param value {@code (N, C)}
   * @param heads NH; divides C
   * @param offsets where each sequence begins, and at last N, strictly ascending from 0
   * @return {@code (N, C)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor causalAttention(Tensor key, Tensor value, int heads, int[] offsets) {
    return AttentionOps.split(this, key, value, heads, offsets);
  }

  /**
   * Causal multi-head attention with query, key and value side by side in this tensor, in that
   * order, as GPT-2's fused {@code c_attn} gives them.
   *
   * @param heads NH; divides C
   * @param offsets where each sequence begins, and at last N, strictly ascending from 0
   * @return {@code (N, C)} for this tensor {@code (N, 3C)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor causalAttention(int heads, int[] offsets) {
    return AttentionOps.fused(this, heads, offsets);
  }

  /**
   * Mean cross-entropy of the rows against target classes, {@code -1/n sum_i log
   * softmax(x_i)[target_i]} in nats over the n rows whose target is not {@code ignoreIndex}.
   *
   * @param targets one class for each row
   * @param ignoreIndex the target of rows that do not count
   * @return a scalar, {@code ()}
   * @throws IllegalArgumentException if a target is no class, or no row counts
   */
  public Tensor crossEntropy(int[] targets, int ignoreIndex) {
    return LossOps.crossEntropy(this, targets, ignoreIndex);
  }

  @Override
  public String toString() {
    return "Tensor" + shape;
  }
}
