package io.github.lora4j.lora;

import io.github.lora4j.lora.PublishedModule.Place;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * The one branch that stands beside a whole published weight, in the orientation of published
 * files: what is added to W {@code (out, in)} is {@code factor * B A}.
 *
 * @param rank r
 * @param alpha what the branch is scaled by
 * @param scaling how
 * @param loraA A, {@code (r, in)}
 * @param loraB B, {@code (out, r)}
 */
record PublishedBranch(int rank, float alpha, LoraScaling scaling, Tensor loraA, Tensor loraB) {

  /** A branch that is scaled by {@code alpha / rank}. */
  PublishedBranch(int rank, float alpha, Tensor loraA, Tensor loraB) {
    this(rank, alpha, LoraScaling.LORA, loraA, loraB);
  }

  float factor() {
    return scaling.factor(alpha, rank);
  }

  /** The same branch scaled by {@code alpha / rank}. */
  PublishedBranch asLora() {
    return scaling == LoraScaling.LORA
        ? this
        : new PublishedBranch(rank, LoraScaling.LORA.alpha(factor(), rank), loraA, loraB);
  }

  /** A branch as it would stand in a file, beside the weight of its own Linear. */
  static PublishedBranch of(LoRALayer lora) {
    return of(List.of(new Rows(0, lora)), lora.outFeatures());
  }

  /**
   * A branch beside some rows of a weight.
   *
   * @param firstRow the first of them
   * @param lora the branch
   */
  record Rows(int firstRow, LoRALayer lora) {}

  /**
   * Makes one branch of those beside rows of one weight. One that has all rows is taken as it is.
   * Where all have the same A, rank and factor and together all rows, the B come below each other.
   * Else the A come below each other and the B on the diagonal, the rank is the sum; exact where
   * all are scaled alike, since then the whole is scaled so, too; else the factors go into the B.
   *
   * @param rows the branches in the order of their rows, at least one
   * @param out how many rows the weight has
   */
  static PublishedBranch of(List<Rows> rows, int out) {
    LoRALayer first = rows.get(0).lora();
    int in = first.inFeatures();
    if (rows.stream().mapToInt(part -> part.lora().outFeatures()).sum() == out
        && rows.stream().allMatch(part -> isScaledAs(first, part) && hasSameA(first, part))) {
      Tensor a = Tensor.zeros(first.rank(), in);
      Tensor b = Tensor.zeros(out, first.rank());
      copyTransposed(first.loraA().tensor(), 1, a, 0, 0);
      rows.forEach(part -> copyTransposed(part.lora().loraB().tensor(), 1, b, part.firstRow(), 0));
      return new PublishedBranch(first.rank(), first.alpha(), first.scaling(), a, b);
    }
    int rank = rows.stream().mapToInt(part -> part.lora().rank()).sum();
    boolean isScaledAlike =
        rows.stream()
            .allMatch(
                part ->
                    part.lora().factor() == first.factor()
                        && part.lora().scaling() == first.scaling());
    Tensor a = Tensor.zeros(rank, in);
    Tensor b = Tensor.zeros(out, rank);
    int firstRank = 0;
    for (Rows part : rows) {
      LoRALayer lora = part.lora();
      copyTransposed(lora.loraA().tensor(), 1, a, firstRank, 0);
      copyTransposed(
          lora.loraB().tensor(), isScaledAlike ? 1 : lora.factor(), b, part.firstRow(), firstRank);
      firstRank += lora.rank();
    }
    LoraScaling scaling = isScaledAlike ? first.scaling() : LoraScaling.LORA;
    float alpha = isScaledAlike ? scaling.alpha(first.factor(), rank) : rank;
    return new PublishedBranch(rank, alpha, scaling, a, b);
  }

  private static boolean isScaledAs(LoRALayer first, Rows part) {
    LoRALayer lora = part.lora();
    return lora.rank() == first.rank()
        && lora.alpha() == first.alpha()
        && lora.scaling() == first.scaling();
  }

  private static boolean hasSameA(LoRALayer first, Rows part) {
    return Arrays.equals(first.loraA().data(), part.lora().loraA().data());
  }

  /** Writes {@code factor} times the transpose of a matrix into a part of another. */
  private static void copyTransposed(
      Tensor source, float factor, Tensor target, int firstRow, int firstColumn) {
    int rows = source.shape().rows();
    int columns = source.shape().columns();
    int width = target.shape().columns();
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        target.data()[(firstRow + j) * width + firstColumn + i] =
            factor * source.data()[i * columns + j];
      }
    }
  }

  /**
   * The branch as it stands beside the rows of the weight that one Linear holds, trained.
   *
   * @param place the Linear
   * @param dropout a probability in [0, 1)
   */
  LoRALayer beside(Place place, float dropout) {
    int first = place.firstRow();
    int rows = place.linear().outFeatures();
    float[] some = Arrays.copyOfRange(loraB.data(), first * rank, (first + rows) * rank);
    return new PublishedBranch(rank, alpha, scaling, loraA, Tensor.of(some, rows, rank))
        .layer(place.path(), dropout);
  }

  /**
   * The branch as it stands beside a Linear that holds the whole weight, trained.
   *
   * @param path that of the Linear
   * @param dropout a probability in [0, 1)
   */
  LoRALayer layer(String path, float dropout) {
    return new LoRALayer(
        Parameter.trained(Transposed.of(loraA)),
        Parameter.trained(Transposed.of(loraB)),
        alpha,
        scaling,
        dropout,
        Lora.join(path, "lora"));
  }
}
