package io.github.lora4j.lora;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The one branch that stands beside a whole published weight, in the orientation of published
 * files.
 *
 * @param rank r, the sum of the ranks it is made of
 * @param alpha the branch is scaled by {@code alpha / rank}
 * @param loraA A, {@code (r, in)}
 * @param loraB B, {@code (out, r)}
 */
record PublishedBranch(int rank, float alpha, Tensor loraA, Tensor loraB) {

  /**
   * Some outputs of a published weight.
   *
   * @param linear holds them
   * @param firstRow the first of them
   * @param lora the branch beside them, or null
   */
  record Part(Linear linear, int firstRow, @Nullable LoRALayer lora) {}

  /**
   * Puts branches beside rows of one weight together: the A below each other, the B on the
   * diagonal. Exact where all are scaled alike, since then the whole is scaled so, too; else the
   * scalings go into the B.
   *
   * @param parts all rows of the weight that the model has, at least one of them with a branch
   */
  static PublishedBranch of(List<Part> parts) {
    int rank = 0;
    int out = 0;
    float alpha = 0;
    boolean isScaledAlike = true;
    float scaling = 0;
    for (Part part : parts) {
      out = Math.max(out, part.firstRow() + part.linear().outFeatures());
      LoRALayer lora = part.lora();
      if (lora != null) {
        isScaledAlike &= rank == 0 || lora.factor() == scaling;
        scaling = lora.factor();
        rank += lora.rank();
        alpha += lora.alpha();
      }
    }
    int in = parts.get(0).linear().inFeatures();
    Tensor a = Tensor.zeros(rank, in);
    Tensor b = Tensor.zeros(out, rank);
    int firstRank = 0;
    for (Part part : parts) {
      LoRALayer lora = part.lora();
      if (lora != null) {
        float factor = isScaledAlike ? 1 : lora.factor();
        copyTransposed(lora.loraA().tensor(), 1, a, firstRank, 0);
        copyTransposed(lora.loraB().tensor(), factor, b, part.firstRow(), firstRank);
        firstRank += lora.rank();
      }
    }
    return new PublishedBranch(rank, isScaledAlike ? alpha : rank, a, b);
  }

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
   * The weight of a linear layer with its branch added, {@code W + alpha/rank (A B)^T}, {@code
   * (out, in)}.
   */
  static Tensor merged(Linear linear, @Nullable LoRALayer lora) {
    float[] weight = linear.weight().tensor().toArray();
    int in = linear.inFeatures();
    int out = linear.outFeatures();
    if (lora != null) {
      float[] a = lora.loraA().data();
      float[] b = lora.loraB().data();
      int rank = lora.rank();
      for (int o = 0; o < out; o++) {
        for (int i = 0; i < in; i++) {
          double product = 0;
          for (int r = 0; r < rank; r++) {
            product += (double) a[i * rank + r] * b[r * out + o];
          }
          weight[o * in + i] = (float) (weight[o * in + i] + lora.factor() * product);
        }
      }
    }
    return Tensor.of(weight, out, in);
  }
}
