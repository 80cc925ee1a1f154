package io.github.lora4j.lora;

import io.github.lora4j.kernel.Decompositions;
import io.github.lora4j.kernel.Decompositions.Qr;
import io.github.lora4j.kernel.Decompositions.Svd;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.List;

/**
 * Makes one branch of several beside the same published weight, or one of a smaller rank. The delta
 * of a branch is {@code alpha/rank B A}, {@code (out, in)}; none is ever formed. What is made has
 * {@code alpha = rank}, so that it is scaled by 1.
 */
final class Combination {

  private Combination() {}

  /**
   * A branch and its share.
   *
   * @param branch A {@code (r, in)} and B {@code (out, r)}
   * @param weight the factor of its delta; finite, may be negative
   */
  record Weighted(PublishedBranch branch, float weight) {

    Weighted {
      check(branch);
      checkWeight(weight);
    }

    double factor() {
      return (double) weight * scaling(branch);
    }
  }

  /**
   * A branch cut to a smaller rank.
   *
   * @param branch the best of that rank
   * @param error the Frobenius norm of the difference of the deltas
   * @param relativeError the same over the norm of the delta that was cut; 0 if that is 0
   */
  record Truncated(PublishedBranch branch, double error, double relativeError) {}

  /**
   * The exact sum of the deltas, {@code sum_i weight_i alpha_i/rank_i B_i A_i}: the A below each
   * other, the B with their factors side by side.
   *
   * @param branches at least one, of the same in and out
   * @return a branch whose rank is the sum of the ranks
   * @throws IllegalArgumentException if there is none, shapes differ or the sum of the ranks is too
   *     high
   */
  static PublishedBranch concatenate(List<Weighted> branches) {
    checkAlike(branches);
    long ranks = branches.stream().mapToLong(each -> each.branch().rank()).sum();
    if (ranks > LoraConfig.MAX_RANK) {
      throw new IllegalArgumentException(
          "combine: ranks of a sum up to %d expected, got %d (cut some to a lower rank)"
              .formatted(LoraConfig.MAX_RANK, ranks));
    }
    int rank = (int) ranks;
    int in = in(branches.get(0).branch());
    int out = out(branches.get(0).branch());
    Tensor a = Tensor.zeros(rank, in);
    Tensor b = Tensor.zeros(out, rank);
    int first = 0;
    for (Weighted each : branches) {
      int width = each.branch().rank();
      float[] part = each.branch().loraB().data();
      System.arraycopy(each.branch().loraA().data(), 0, a.data(), first * in, width * in);
      for (int o = 0; o < out; o++) {
        for (int r = 0; r < width; r++) {
          b.data()[o * rank + first + r] = (float) (each.factor() * part[o * width + r]);
        }
      }
      first += width;
    }
    return new PublishedBranch(rank, rank, a, b);
  }

  /**
   * The sum of the factors themselves, PEFT's combination {@code "linear"}: with {@code f_i =
   * weight_i alpha_i/rank_i}, {@code A = sum_i sign(f_i) sqrt(|f_i|) A_i} and {@code B = sum_i
   * sqrt(|f_i|) B_i}. Not the sum of the deltas: their product has cross terms {@code B_i A_j}.
   *
   * @param branches at least one, of the same rank, in and out
   * @return a branch of that rank
   * @throws IllegalArgumentException if there is none, or ranks or shapes differ
   */
  static PublishedBranch linear(List<Weighted> branches) {
    checkAlike(branches);
    int rank = branches.get(0).branch().rank();
    double[] a = new double[rank * in(branches.get(0).branch())];
    double[] b = new double[out(branches.get(0).branch()) * rank];
    for (Weighted each : branches) {
      if (each.branch().rank() != rank) {
        throw new ShapeMismatchException(
            "combine: equal ranks expected for a linear combination, got %d and %d (concatenate)"
                .formatted(rank, each.branch().rank()));
      }
      double root = Math.sqrt(Math.abs(each.factor()));
      add(Math.copySign(root, each.factor()), each.branch().loraA().data(), a);
      add(root, each.branch().loraB().data(), b);
    }
    return new PublishedBranch(
        rank,
        rank,
        Tensor.of(narrowed(a), rank, a.length / rank),
        Tensor.of(narrowed(b), b.length / rank, rank));
  }

  /**
   * The best approximation of a delta at a given rank (Eckart and Young 1936), from QR
   * decompositions of B and A^T and the SVD of the small matrix between them. The roots of the
   * singular values go into both A and B.
   *
   * @param branch of any rank
   * @param rank in [1, the branch's rank]; what exceeds min(in, out) is filled with zeros
   * @return the new branch and its distance from the old
   * @throws IllegalArgumentException if the rank is out of range or a number not finite
   */
  static Truncated svd(PublishedBranch branch, int rank) {
    check(branch);
    if (rank < 1 || rank > branch.rank()) {
      throw new IllegalArgumentException(
          "svd: a rank in [1, %d] expected for a branch of rank %d, got %d"
              .formatted(branch.rank(), branch.rank(), rank));
    }
    int in = in(branch);
    int out = out(branch);
    Qr left = Decompositions.qr(Matrix.of(branch.loraB().data(), out, branch.rank()));
    Qr right = Decompositions.qr(Matrix.of(branch.loraA().data(), branch.rank(), in).transpose());
    Svd core = Decompositions.svd(product(left.r(), right.r().transpose(), scaling(branch)));
    double[] values = core.values();
    int kept = Math.min(rank, values.length);
    double[] roots = new double[kept];
    double dropped = 0;
    double all = 0;
    for (int r = 0; r < values.length; r++) {
      all += values[r] * values[r];
      if (r < kept) {
        roots[r] = Math.sqrt(values[r]);
      } else {
        dropped += values[r] * values[r];
      }
    }
    Matrix u = product(left.q(), core.left().columns(0, kept), 1);
    Matrix v = product(right.q(), core.right().columns(0, kept), 1);
    Tensor a = Tensor.zeros(rank, in);
    Tensor b = Tensor.zeros(out, rank);
    for (int r = 0; r < kept; r++) {
      for (int i = 0; i < in; i++) {
        a.data()[r * in + i] = (float) (roots[r] * v.data()[v.index(i, r)]);
      }
      for (int o = 0; o < out; o++) {
        b.data()[o * rank + r] = (float) (roots[r] * u.data()[u.index(o, r)]);
      }
    }
    return new Truncated(
        new PublishedBranch(rank, rank, a, b),
        Math.sqrt(dropped),
        all == 0 ? 0 : Math.sqrt(dropped / all));
  }

  /** A product with a small inner size, summed in double. */
  private static Matrix product(Matrix a, Matrix b, double factor) {
    Matrix c = Matrix.of(new float[a.rows() * b.columns()], a.rows(), b.columns());
    for (int i = 0; i < a.rows(); i++) {
      for (int j = 0; j < b.columns(); j++) {
        double sum = 0;
        for (int k = 0; k < a.columns(); k++) {
          sum += (double) a.data()[a.index(i, k)] * b.data()[b.index(k, j)];
        }
        c.data()[c.index(i, j)] = (float) (factor * sum);
      }
    }
    return c;
  }

  private static void add(double factor, float[] x, double[] y) {
    for (int i = 0; i < y.length; i++) {
      y[i] += factor * x[i];
    }
  }

  private static float[] narrowed(double[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      narrow[i] = (float) values[i];
    }
    return narrow;
  }

  private static double scaling(PublishedBranch branch) {
    return branch.asLora().alpha() / (double) branch.rank();
  }

  private static int in(PublishedBranch branch) {
    return branch.loraA().shape().dim(1);
  }

  private static int out(PublishedBranch branch) {
    return branch.loraB().shape().dim(0);
  }

  private static void check(PublishedBranch branch) {
    if (branch.loraA().shape().rank() != 2
        || branch.loraB().shape().rank() != 2
        || branch.loraA().shape().dim(0) != branch.rank()
        || branch.loraB().shape().dim(1) != branch.rank()) {
      throw new ShapeMismatchException(
          "combine: A (%d, in) and B (out, %d) expected, got %s and %s"
              .formatted(
                  branch.rank(), branch.rank(), branch.loraA().shape(), branch.loraB().shape()));
    }
  }

  static void checkWeight(float weight) {
    if (!Float.isFinite(weight)) {
      throw new IllegalArgumentException("combine: a finite weight expected, got " + weight);
    }
  }

  private static void checkAlike(List<Weighted> branches) {
    if (branches.isEmpty()) {
      throw new IllegalArgumentException("combine: at least one branch expected, got none");
    }
    PublishedBranch first = branches.get(0).branch();
    for (Weighted each : branches) {
      if (in(each.branch()) != in(first) || out(each.branch()) != out(first)) {
        throw new ShapeMismatchException(
            "combine: branches of one weight (%d, %d) expected, got one of (%d, %d)"
                .formatted(out(first), in(first), out(each.branch()), in(each.branch())));
      }
    }
  }
}
