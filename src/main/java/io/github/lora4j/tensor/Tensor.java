package io.github.lora4j.tensor;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A float32 array with a shape, row-major. A leaf is a parameter or an input; every other tensor is
 * the outcome of an operation, and the operations are its methods. An operation changes none of its
 * operands.
 *
 * <p>Operations on tensors without a tape may run in many threads at once.
 */
public final class Tensor {

  private final Shape shape;
  private final @Nullable Tape tape;
  private volatile @Nullable Elements elements; // null while a frozen weight is held packed alone
  private volatile @Nullable PackedMatrix packed;
  private @Nullable Gradient gradient;

  private Tensor(
      Shape shape,
      @Nullable Elements elements,
      @Nullable PackedMatrix packed,
      @Nullable Tape tape,
      @Nullable Gradient gradient) {
    this.shape = shape;
    this.elements = elements;
    this.packed = packed;
    this.tape = tape;
    this.gradient = gradient;
  }

  private static Tensor leaf(Shape shape, float[] data) {
    if (data.length != shape.numel()) {
      throw new ShapeMismatchException(
          "tensor: %d elements expected for shape %s, got %d"
              .formatted(shape.numel(), shape, data.length));
    }
    return new Tensor(shape, new Elements(data, data.length, null, null), null, null, null);
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
    return leaf(Shape.of(dims), data);
  }

  /**
   * A leaf of zeros.
   *
   * @param dims the sizes of the dimensions, outermost first
   * @return the tensor
   */
  public static Tensor zeros(int... dims) {
    Shape shape = Shape.of(dims);
    return leaf(shape, new float[shape.numel()]);
  }

  /**
   * A frozen weight that is held in the layout of the kernels alone, which saves a second copy. It
   * can be read with {@link #toArray}, used by {@link #linear(Tensor, Tensor)} and {@link
   * #embedding}, and becomes an ordinary tensor when it is made to require a gradient.
   *
   * @param weight {@code (out, in)}, made by the active kernels
   * @return the tensor
   */
  public static Tensor ofPacked(PackedMatrix weight) {
    return new Tensor(Shape.of(weight.rows(), weight.columns()), null, weight, null, null);
  }

  /**
   * The outcome of an operation: on the tape of its operands, and with a gradient if it is to be
   * recorded.
   *
   * @param data at least as long as the shape asks for
   */
  static Tensor outcome(Shape shape, float[] data, @Nullable Tape tape, boolean recorded) {
    Elements elements = new Elements(data, shape.numel(), tape, null);
    return new Tensor(
        shape, elements, null, tape, recorded ? new Gradient(shape.numel(), tape) : null);
  }

  /** The recorded outcome of an operation that can compute it again. */
  static Tensor outcome(Shape shape, float[] data, Tape tape, Consumer<float[]> recipe) {
    Elements elements = new Elements(data, shape.numel(), tape, recipe);
    return new Tensor(shape, elements, null, tape, new Gradient(shape.numel(), tape));
  }

  /**
   * These elements as an activation on a tape, such as the input of a network. Requires no gradient
   * itself.
   *
   * @param tape the tape, or null for inference
   * @return a tensor that shares the elements
   */
  public Tensor on(@Nullable Tape tape) {
    return new Tensor(shape, elements, packed, tape, null);
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
   * used must not be changed. The array is longer than {@code shape().numel()} if it is the memory
   * of a longer one, see {@link Buffers}.
   *
   * @return the array
   * @throws IllegalStateException if this is a frozen weight that is held packed, see {@link
   *     #ofPacked}
   */
  public float[] data() {
    return elements().get();
  }

  Elements elements() {
    Elements present = elements;
    if (present == null) {
      throw new IllegalStateException(
          "data: an array of elements expected, got a frozen weight %s that is held packed"
                  .formatted(shape)
              + " (toArray() copies it)");
    }
    return present;
  }

  /**
   * A copy of the elements.
   *
   * @return row-major, as many as the shape asks for
   */
  public float[] toArray() {
    Elements present = elements;
    if (present != null) {
      return Arrays.copyOf(present.get(), shape.numel());
    }
    float[] copy = new float[shape.numel()];
    Objects.requireNonNull(packed).copyRows(0, shape.dim(0), copy, 0);
    return copy;
  }

  /**
   * Copies one row of a matrix.
   *
   * @param row its number
   * @param target takes as many elements as there are columns
   * @param offset where the first goes
   */
  public void copyRow(int row, float[] target, int offset) {
    Elements present = elements;
    int columns = shape.columns();
    if (present != null) {
      System.arraycopy(present.get(), row * columns, target, offset, columns);
    } else {
      Objects.requireNonNull(packed).copyRows(row, 1, target, offset);
    }
  }

  /**
   * Lets go of elements that can be computed again, such as those of {@link #gelu} on a tape; the
   * backward pass does so when it needs them. For a model that has no more use for them in its
   * forward pass: a little more arithmetic for less memory.
   */
  public void forget() {
    Elements present = elements;
    if (present != null && gradient != null) {
      present.forget();
    }
  }

  /**
   * The only element.
   *
   * @return the value of a tensor of one element
   * @throws ShapeMismatchException if there are more or fewer elements
   */
  public float item() {
    if (shape.numel() != 1) {
      throw new ShapeMismatchException("item: one element expected, got shape " + shape);
    }
    return data()[0];
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
    if (requiresGrad && elements == null) {
      elements = new Elements(toArray(), shape.numel(), null, null);
    }
    gradient = requiresGrad ? new Gradient(shape.numel(), null) : null;
    if (elements != null) {
      packed = null;
    }
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
      present.clear();
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
    return Matrix.of(data(), shape.rows(), shape.columns());
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
    return linear(weight, bias, null, null);
  }

  /**
   * Linear map with all that is added to it, {@code y = addend + x W^T + b + factor * (z A) B}, in
   * one pass over y.
   *
   * @param weight W, {@code (out, in)}
   * @param bias b, {@code (out)}, or null for none
   * @param addend {@code (..., out)}, such as the residual stream, or null for none
   * @param branch z, A, B and the factor, or null for none
   * @return {@code (..., out)} for this tensor {@code (..., in)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor linear(
      Tensor weight,
      @Nullable Tensor bias,
      @Nullable Tensor addend,
      @Nullable LowRankBranch branch) {
    return LinearOp.apply(this, weight, bias, addend, branch);
  }

  /**
   * Scales each column, {@code y_ij = addend_ij + b_j + x_ij m_j / n_j} for this tensor x.
   *
   * @param scale m, {@code (C)}
   * @param divisors n, C constants, none zero: no gradient passes through them
   * @param bias b, {@code (C)}, or null for none
   * @param addend {@code (..., C)}, or null for none
   * @return {@code (..., C)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor scaleColumns(
      Tensor scale, float[] divisors, @Nullable Tensor bias, @Nullable Tensor addend) {
    return ColumnScaleOp.apply(this, scale, divisors, bias, addend);
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
    return AttentionOps.fused(this, heads, offsets, false);
  }

  /**
   * The rows of {@link #causalAttention(Tensor, Tensor, int, int[])} at the last token of each
   * sequence, without computing the others; the same bits.
   *
   * @param key {@code (N, C)}
   * @param value {@code (N, C)}
   * @param heads NH; divides C
   * @param offsets where each of the B sequences begins, and at last N, strictly ascending from 0
   * @return {@code (B, C)} for this tensor {@code (B, C)}, the queries of the last tokens
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor lastTokenAttention(Tensor key, Tensor value, int heads, int[] offsets) {
    return AttentionOps.splitLast(this, key, value, heads, offsets);
  }

  /**
   * The rows of {@link #causalAttention(int, int[])} at the last token of each sequence, without
   * computing the others; the same bits.
   *
   * @param heads NH; divides C
   * @param offsets where each of the B sequences begins, and at last N, strictly ascending from 0
   * @return {@code (B, C)} for this tensor {@code (N, 3C)}
   * @throws ShapeMismatchException if the sizes do not fit
   */
  public Tensor lastTokenAttention(int heads, int[] offsets) {
    return AttentionOps.fused(this, heads, offsets, true);
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

  /**
   * Mean cross-entropy of a linear map of the rows against target classes, {@code
   * linear(weight).crossEntropy(targets)}. If the weight is frozen, logits are computed for some
   * rows at a time and only for those that count, so that no matrix {@code (N, classes)} ever
   * exists.
   *
   * @param weight W, {@code (classes, in)}
   * @param targets one class for each row of this tensor {@code (N, in)}
   * @param ignoreIndex the target of rows that do not count
   * @return a scalar, {@code ()}
   * @throws IllegalArgumentException if a target is no class, or no row counts
   */
  public Tensor linearCrossEntropy(Tensor weight, int[] targets, int ignoreIndex) {
    return LinearCrossEntropyOp.apply(this, weight, targets, ignoreIndex);
  }

  @Override
  public String toString() {
    return "Tensor" + shape;
  }
}
