package io.github.lora4j.lora;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.LowRankBranch;
import io.github.lora4j.tensor.RowNorms;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer with a low-rank branch beside it, {@code y = linear(x) + alpha/rank * (x A) B}.
 *
 * <p>With a magnitude it is DoRA (Liu et al. 2024): the rows of the sum of W and the branch's
 * product give the direction of an output's weight, the magnitude m its length, {@code y = b + m /
 * ||W + alpha/rank (A B)^T|| * (x W^T + alpha/rank (x A) B)}, norm by row. The norm is a constant
 * of the backward pass, as section 4.3 of that paper has it and PEFT does it. A new magnitude is
 * that norm itself, so that the layer first equals the linear one. With dropout only the difference
 * to {@code x W^T} sees the input dropped.
 *
 * <p>Shapes: x {@code (..., in)}, y {@code (..., out)}, m {@code (out)}. The children are named
 * {@code linear} and {@code lora}, the parameter {@code magnitude}. The linear layer is a fixed
 * child, not in a slot: no walk can wrap it a second time. Whether its weight is frozen is the
 * caller's choice, see {@link io.github.lora4j.nn.Module#freeze}.
 */
public final class LinearWithLoRA extends Layer {

  private final Linear linear;
  private final LoRALayer lora;
  private final @Nullable Parameter magnitude; // (out)
  private final @Nullable RowNorms norms;
  private final @Nullable LoRALayer start;

  /**
   * A layer with a new branch, for a model built by hand; {@link Lora} does this for a whole model.
   * No dropout, PEFT's initial values, the same for every layer of equal sizes.
   *
   * @param linear the layer to adapt
   * @param rank r, in [1, {@value LoraConfig#MAX_RANK}]
   * @param alpha the branch is scaled by {@code alpha / rank}; finite, above 0
   */
  public LinearWithLoRA(Linear linear, int rank, float alpha) {
    this(linear, new LoRALayer(linear.inFeatures(), linear.outFeatures(), rank, alpha));
  }

  /**
   * A layer with a given branch.
   *
   * @param linear the layer to adapt
   * @param lora the branch
   * @throws ShapeMismatchException if their sizes differ
   */
  public LinearWithLoRA(Linear linear, LoRALayer lora) {
    this(linear, lora, null);
  }

  /**
   * A layer with a given branch and magnitude.
   *
   * @param linear the layer to adapt
   * @param lora the branch
   * @param magnitude m, {@code (out)}, or null for none
   * @throws ShapeMismatchException if their sizes differ
   */
  public LinearWithLoRA(Linear linear, LoRALayer lora, @Nullable Parameter magnitude) {
    this(linear, lora, magnitude, null);
  }

  /**
   * A layer with a second branch, which is frozen: what the first started as, negative, where that
   * is not zero.
   */
  LinearWithLoRA(
      Linear linear, LoRALayer lora, @Nullable Parameter magnitude, @Nullable LoRALayer start) {
    if (linear.inFeatures() != lora.inFeatures() || linear.outFeatures() != lora.outFeatures()) {
      throw new ShapeMismatchException(
          "LinearWithLoRA: a branch from %d to %d features expected, got one from %d to %d"
              .formatted(
                  linear.inFeatures(),
                  linear.outFeatures(),
                  lora.inFeatures(),
                  lora.outFeatures()));
    }
    if (magnitude != null && !magnitude.shape().equals(Shape.of(linear.outFeatures()))) {
      throw new ShapeMismatchException(
          "LinearWithLoRA: a magnitude (%d) expected, got %s"
              .formatted(linear.outFeatures(), magnitude.shape()));
    }
    this.linear = child("linear", linear);
    this.lora = child("lora", lora);
    this.magnitude = magnitude == null ? null : parameter("magnitude", magnitude);
    this.norms = magnitude == null ? null : RowNorms.of(linear.weight().tensor());
    this.start = start == null ? null : child("start", start);
  }

  /** A layer that starts as DoRA does: the magnitude is the norm. */
  static LinearWithLoRA dora(Linear linear, LoRALayer lora) {
    LinearWithLoRA plain = new LinearWithLoRA(linear, lora);
    Tensor norms = Tensor.of(plain.norms(), linear.outFeatures());
    return new LinearWithLoRA(linear, lora, Parameter.trained(norms));
  }

  @Override
  public Tensor forward(Tensor x) {
    return forward(x, null);
  }

  @Override
  public Tensor addTo(Tensor sum, Tensor x) {
    return forward(x, sum);
  }

  private Tensor forward(Tensor x, @Nullable Tensor sum) {
    LowRankBranch branch = lora.branch(x);
    if (start != null) {
      return linear.forward(x, sum == null ? start.forward(x) : start.addTo(sum, x), branch);
    }
    if (magnitude == null) {
      return linear.forward(x, sum, branch); // y = linear(x) + alpha/rank * (x A) B
    }
    Tensor kept = branch.input();
    Tensor weight = linear.weight().tensor();
    Tensor direction = kept.linear(weight, null, null, branch);
    if (kept == x) {
      Parameter bias = linear.bias();
      Tensor offset = bias == null ? null : bias.tensor();
      return direction.scaleColumns(magnitude.tensor(), norms(), offset, sum);
    }
    Tensor rest = linear.forward(x, sum, null).add(kept.linear(weight, null).scale(-1));
    return direction.scaleColumns(magnitude.tensor(), norms(), null, rest);
  }

  /** The branch, and a second where one subtracts what the first started as. */
  List<LoRALayer> branches() {
    return start == null ? List.of(lora) : List.of(lora, start);
  }

  /** Whether a second branch subtracts what the first started as. */
  boolean hasStart() {
    return start != null;
  }

  /** An equal layer with one branch: A beside that of the start, B above it. */
  LinearWithLoRA plain() {
    return start == null ? this : new LinearWithLoRA(linear, lora.with(start));
  }

  /** The same layer with the branch's factor multiplied. */
  LinearWithLoRA withStrength(float strength) {
    if (magnitude != null) {
      throw new IllegalArgumentException(
          "adapter: a strength of 1 for DoRA expected, got %s (magnitudes have none)"
              .formatted(strength));
    }
    return new LinearWithLoRA(linear, plain().lora.withStrength(strength));
  }

  /** {@code ||W + factor (A B)^T||} by row, {@code (out)}. */
  float[] norms() {
    RowNorms rows = norms == null ? RowNorms.of(linear.weight().tensor()) : norms;
    return rows.with(lora.loraA().tensor(), lora.loraB().tensor(), lora.factor());
  }

  /**
   * The adapted layer.
   *
   * @return the layer as it was before
   */
  public Linear linear() {
    return linear;
  }

  /**
   * The branch.
   *
   * @return A, B and their scaling
   */
  public LoRALayer lora() {
    return lora;
  }

  /**
   * The lengths of the rows of the weight, where they are trained apart from their directions.
   *
   * @return m, {@code (out)}, or null
   */
  public @Nullable Parameter magnitude() {
    return magnitude;
  }
}
