package io.github.lora4j.lora;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.LowRankBranch;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;

/**
 * The low-rank branch (Hu et al. 2021), {@code y = alpha/rank * (dropout(x) A) B}, or with another
 * factor, see {@link LoraScaling}.
 *
 * <p>Shapes: x {@code (..., in)}, A {@code (in, r)}, B {@code (r, out)}, y {@code (..., out)}. The
 * parameters are named {@code A} and {@code B}. A new branch is trained, its A is random and its B
 * zero or so that the product is, see {@link LoraInit}; they are a function of seed and path alone.
 * Dropout acts while training only, and draws from the tape's seed, epoch and step and from the
 * path.
 */
public final class LoRALayer extends Layer {

  private final Parameter loraA; // (in, r)
  private final Parameter loraB; // (r, out)
  private final float alpha;
  private final LoraScaling scaling;
  private final float dropout;
  private final long place;

  /**
   * A new branch that stands alone: no dropout, PEFT's initial values, the path {@code lora}.
   *
   * @param inFeatures in, at least 1
   * @param outFeatures out, at least 1
   * @param rank r, in [1, {@value LoraConfig#MAX_RANK}]
   * @param alpha the outcome is scaled by {@code alpha / rank}; finite, above 0
   */
  public LoRALayer(int inFeatures, int outFeatures, int rank, float alpha) {
    this(inFeatures, outFeatures, LoraConfig.of(rank, alpha), "lora");
  }

  /**
   * A new branch.
   *
   * @param inFeatures in, at least 1
   * @param outFeatures out, at least 1
   * @param config rank, alpha, scaling, dropout, init and seed; the rest is not used
   * @param path the path of this layer in its model, different for each layer
   */
  public LoRALayer(int inFeatures, int outFeatures, LoraConfig config, String path) {
    this(
        Parameter.trained(initialA(inFeatures, config, path)),
        Parameter.trained(initialB(outFeatures, config, path)),
        config.alpha(),
        config.scaling(),
        config.dropout(),
        path);
  }

  /**
   * A branch with given values, such as those of a file.
   *
   * @param loraA A, {@code (in, r)}
   * @param loraB B, {@code (r, out)}
   * @param alpha the outcome is scaled by it, see {@link LoraScaling}; finite, at least 0
   * @param scaling how
   * @param dropout a probability in [0, 1)
   * @param path the path of this layer in its model, different for each layer
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public LoRALayer(
      Parameter loraA,
      Parameter loraB,
      float alpha,
      LoraScaling scaling,
      float dropout,
      String path) {
    this(loraA, loraB, alpha, scaling, dropout, CounterRandom.place(path));
  }

  private LoRALayer(
      Parameter loraA,
      Parameter loraB,
      float alpha,
      LoraScaling scaling,
      float dropout,
      long place) {
    if (loraA.shape().rank() != 2
        || loraB.shape().rank() != 2
        || loraA.shape().dim(1) != loraB.shape().dim(0)) {
      throw new ShapeMismatchException(
          "LoRALayer: A (in, rank) and B (rank, out) expected, got %s and %s"
              .formatted(loraA.shape(), loraB.shape()));
    }
    LoraConfig.check(loraA.shape().dim(1), alpha == 0 ? 1 : alpha, dropout);
    this.loraA = parameter("A", loraA);
    this.loraB = parameter("B", loraB);
    this.alpha = alpha;
    this.scaling = scaling;
    this.dropout = dropout;
    this.place = place;
  }

  /** One branch that adds what this one and another of the same rank and factor add. */
  LoRALayer with(LoRALayer other) {
    int in = inFeatures();
    int own = rank();
    int rank = 2 * own;
    Tensor a = Tensor.zeros(in, rank);
    Tensor b = Tensor.zeros(rank, outFeatures());
    for (int i = 0; i < in; i++) {
      System.arraycopy(loraA.data(), i * own, a.data(), i * rank, own);
      System.arraycopy(other.loraA.data(), i * own, a.data(), i * rank + own, own);
    }
    int half = own * outFeatures();
    System.arraycopy(loraB.data(), 0, b.data(), 0, half);
    System.arraycopy(other.loraB.data(), 0, b.data(), half, half);
    return new LoRALayer(
        Parameter.trained(a),
        Parameter.trained(b),
        scaling.alpha(factor(), rank),
        scaling,
        dropout,
        place);
  }

  /** The same branch with its factor multiplied. */
  LoRALayer withStrength(float strength) {
    return new LoRALayer(loraA, loraB, alpha * strength, scaling, dropout, place);
  }

  private static Tensor initialA(int inFeatures, LoraConfig config, String path) {
    Tensor a = Tensor.zeros(inFeatures, config.rank());
    config.init().fill(key(config, path), inFeatures, config.rank(), a.data());
    return a;
  }

  private static Tensor initialB(int outFeatures, LoraConfig config, String path) {
    Tensor b = Tensor.zeros(config.rank(), outFeatures);
    config.init().fillB(key(config, path), config.rank(), outFeatures, b.data());
    return b;
  }

  private static long key(LoraConfig config, String path) {
    return CounterRandom.key(config.seed(), CounterRandom.place(path + ".A"));
  }

  /** The branch by itself: {@code factor * (dropout(x) A) B}. */
  @Override
  public Tensor forward(Tensor x) {
    LowRankBranch branch = branch(x);
    return branch.input().matmul(branch.a()).matmul(branch.b()).scale(branch.factor());
  }

  /** The branch for an input, to be added to a linear map of it. */
  LowRankBranch branch(Tensor x) {
    Tensor kept = x.dropout(dropout, place);
    return new LowRankBranch(kept, loraA.tensor(), loraB.tensor(), factor());
  }

  /**
   * The size of the input's last dimension.
   *
   * @return in
   */
  public int inFeatures() {
    return loraA.shape().dim(0);
  }

  /**
   * The size of the output's last dimension.
   *
   * @return out
   */
  public int outFeatures() {
    return loraB.shape().dim(1);
  }

  /**
   * The inner size of the branch.
   *
   * @return r
   */
  public int rank() {
    return loraA.shape().dim(1);
  }

  /**
   * The numerator of the scaling.
   *
   * @return alpha
   */
  public float alpha() {
    return alpha;
  }

  /**
   * How the factor follows from alpha and rank.
   *
   * @return the rule
   */
  public LoraScaling scaling() {
    return scaling;
  }

  /**
   * The factor of the product.
   *
   * @return {@code alpha / rank}, or what {@link #scaling} makes of them
   */
  public float factor() {
    return scaling.factor(alpha, rank());
  }

  /**
   * The probability that an input of the branch is dropped while training.
   *
   * @return in [0, 1)
   */
  public float dropout() {
    return dropout;
  }

  /**
   * The projection to the inner size.
   *
   * @return A, {@code (in, r)}
   */
  public Parameter loraA() {
    return loraA;
  }

  /**
   * The projection from the inner size.
   *
   * @return B, {@code (r, out)}
   */
  public Parameter loraB() {
    return loraB;
  }

  @Override
  protected String settings() {
    return "rank=%d, alpha=%s".formatted(rank(), Float.toString(alpha))
        + (scaling == LoraScaling.LORA ? "" : ", rslora")
        + (dropout > 0 ? ", dropout=" + dropout : "");
  }
}
