package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.lora.Combination.Truncated;
import io.github.lora4j.lora.Combination.Weighted;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CombinationTest {

  private static final PublishedBranch X =
      new PublishedBranch(
          2,
          4,
          Tensor.of(new float[] {1, 2, 3, -1, 0.5f, 2}, 2, 3),
          Tensor.of(new float[] {1, -2, 0.5f, 3}, 2, 2));
  private static final PublishedBranch Y =
      new PublishedBranch(
          2,
          1,
          Tensor.of(new float[] {4, -1, 0.25f, 2, 2, -3}, 2, 3),
          Tensor.of(new float[] {-1, 1.5f, 2, 0.75f}, 2, 2));

  @Test
  void concatenationIsTheDenseSum() {
    List<Weighted> branches =
        List.of(
            new Weighted(branch(1, 9, 7, 3, 6), 0.3f),
            new Weighted(branch(2, 9, 7, 1, 0.7f), -1.7f),
            new Weighted(branch(3, 9, 7, 4, 4), 2));

    PublishedBranch sum = Combination.concatenate(branches);

    assertEquals(8, sum.rank());
    assertEquals(8f, sum.alpha());
    assertEquals(List.of(8, 7), dims(sum.loraA()));
    assertEquals(List.of(9, 8), dims(sum.loraB()));
    double[] expected = new double[63];
    double[] sizes = new double[63];
    for (Weighted each : branches) {
      double[] delta = delta(each.branch());
      for (int i = 0; i < 63; i++) {
        expected[i] += each.weight() * delta[i];
      }
      double[] size = magnitudes(each.branch());
      for (int i = 0; i < 63; i++) {
        sizes[i] += Math.abs(each.weight()) * size[i];
      }
    }
    double[] got = delta(sum);
    for (int i = 0; i < 63; i++) {
      // Each element of B is rounded once, and nothing else.
      assertEquals(expected[i], got[i], 1.01 * KnownSpectrum.U * sizes[i]);
    }
  }

  /** Computed by PEFT 0.21, add_weighted_adapter with combination_type "linear". */
  @Test
  void linearIsPeftsWeightedSumAlsoWithANegativeWeight() {
    PublishedBranch sum =
        Combination.linear(List.of(new Weighted(X, 0.75f), new Weighted(Y, -1.5f)));
    assertEquals(2, sum.rank());
    assertEquals(2f, sum.alpha());
    assertArrayEquals(
        new float[] {-2.2393565f, 3.3155153f, 3.4577286f, -2.9567957f, -1.1196783f, 5.047566f},
        sum.loraA().data(),
        1e-6f);
    assertArrayEquals(
        new float[] {0.35871953f, -1.1504518f, 2.3444233f, 4.323754f}, sum.loraB().data(), 1e-6f);
    assertEquals(List.of(2, 3), dims(sum.loraA()));
    assertEquals(List.of(2, 2), dims(sum.loraB()));
  }

  @ParameterizedTest
  @ValueSource(floats = {1, -1, 0.3f, 0})
  void linearOfOneBranchIsItsShare(float weight) {
    double[] got = delta(Combination.linear(List.of(new Weighted(X, weight))));
    double[] expected = delta(X);
    for (int i = 0; i < got.length; i++) {
      assertEquals(weight * expected[i], got[i], 1e-5);
    }
  }

  @ParameterizedTest
  @CsvSource({"30,20,6", "20,30,6", "4,30,6", "30,4,6", "1,1,3", "6,6,6"})
  void svdAtFullRankIsTheDelta(int out, int in, int rank) {
    PublishedBranch branch = branch(4, out, in, rank, 2.5f);
    double[] expected = delta(branch);
    double norm = KnownSpectrum.norm(expected, 0);

    Truncated same = Combination.svd(branch, rank);

    assertEquals(0.0, same.error());
    assertEquals(0.0, same.relativeError());
    assertEquals(rank, same.branch().rank());
    assertEquals((float) rank, same.branch().alpha());
    assertEquals(List.of(rank, in), dims(same.branch().loraA()));
    assertEquals(List.of(out, rank), dims(same.branch().loraB()));
    // A few roundings of factors whose norms are a few times that of their product.
    assertArrayEquals(expected, delta(same.branch()), 20 * KnownSpectrum.U * norm);
  }

  @ParameterizedTest
  @CsvSource({"30,20,6,1", "30,20,6,4", "20,30,6,5", "4,30,6,3", "30,4,6,2"})
  void theErrorOfATruncationIsThatOfTheDenseDelta(int out, int in, int rank, int kept) {
    PublishedBranch branch = branch(5, out, in, rank, 2.5f);
    double[] whole = delta(branch);

    Truncated cut = Combination.svd(branch, kept);

    double[] rest = delta(cut.branch());
    for (int i = 0; i < rest.length; i++) {
      rest[i] -= whole[i];
    }
    double error = KnownSpectrum.norm(rest, 0);
    double norm = KnownSpectrum.norm(whole, 0);
    assertTrue(error > 0.01 * norm);
    assertEquals(error, cut.error(), 1e-5 * norm);
    assertEquals(error / norm, cut.relativeError(), 1e-5);
  }

  /** The singular values are those that the factors are made of, so the optimum is known. */
  @Test
  void theErrorOfATruncationIsTheOptimum() {
    double[] values = {4, 2, 1, 0.5};
    Tensor a = Tensor.zeros(4, 12);
    Tensor b = Tensor.zeros(15, 4);
    for (int r = 0; r < 4; r++) {
      for (int i = 0; i < 12; i++) {
        a.data()[r * 12 + i] = (float) (values[r] * KnownSpectrum.cosine(12, i, r));
      }
      for (int o = 0; o < 15; o++) {
        b.data()[o * 4 + r] = (float) KnownSpectrum.cosine(15, o, r);
      }
    }
    Truncated cut = Combination.svd(new PublishedBranch(4, 12, a, b), 2);
    assertEquals(3 * Math.sqrt(1.25), cut.error(), 1e-5);
    assertEquals(Math.sqrt(1.25 / 21.25), cut.relativeError(), 1e-6);
  }

  @Test
  void opposedBranchesOfOneOriginCollapseToTheirTrueRank() {
    PublishedBranch branch = branch(6, 10, 8, 3, 3);
    PublishedBranch twice =
        Combination.concatenate(List.of(new Weighted(branch, 2), new Weighted(branch, -0.5f)));
    Truncated cut = Combination.svd(twice, 3);
    assertEquals(0, cut.relativeError(), 1e-6);
    double[] expected = delta(branch);
    double[] got = delta(cut.branch());
    for (int i = 0; i < got.length; i++) {
      assertEquals(1.5 * expected[i], got[i], 1e-5);
    }
  }

  @Test
  void aBranchThatHasNotLearntHasNoError() {
    PublishedBranch fresh =
        new PublishedBranch(4, 4, SmallModels.random(1, 4, 6), Tensor.zeros(5, 4));
    Truncated cut = Combination.svd(fresh, 2);
    assertEquals(0.0, cut.error());
    assertEquals(0.0, cut.relativeError());
    assertArrayEquals(new double[30], delta(cut.branch()));
  }

  @Test
  void theOperandsStayAsTheyAre() {
    PublishedBranch branch = branch(7, 6, 5, 2, 3);
    float[] a = branch.loraA().toArray();
    float[] b = branch.loraB().toArray();
    List<Weighted> branches = List.of(new Weighted(branch, 2), new Weighted(branch, 3));
    Combination.concatenate(branches);
    Combination.linear(branches);
    Combination.svd(branch, 1);
    assertArrayEquals(a, branch.loraA().data());
    assertArrayEquals(b, branch.loraB().data());
  }

  @Test
  void whatDoesNotFitIsRefused() {
    PublishedBranch branch = branch(8, 6, 5, 2, 3);
    for (PublishedBranch other : List.of(branch(8, 7, 5, 2, 3), branch(8, 6, 4, 2, 3))) {
      List<Weighted> both = List.of(new Weighted(branch, 1), new Weighted(other, 1));
      assertThrows(ShapeMismatchException.class, () -> Combination.concatenate(both));
      assertThrows(ShapeMismatchException.class, () -> Combination.linear(both));
    }
    List<Weighted> ranks = List.of(new Weighted(branch, 1), new Weighted(branch(8, 6, 5, 3, 3), 1));
    assertThrows(ShapeMismatchException.class, () -> Combination.linear(ranks));
    assertEquals(5, Combination.concatenate(ranks).rank());
    assertThrows(IllegalArgumentException.class, () -> Combination.concatenate(List.of()));
    assertThrows(IllegalArgumentException.class, () -> Combination.linear(List.of()));
    for (int rank : new int[] {-1, 0, 3}) {
      assertThrows(IllegalArgumentException.class, () -> Combination.svd(branch, rank));
    }
    for (float weight : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> new Weighted(branch, weight));
    }
    PublishedBranch torn = new PublishedBranch(2, 1, Tensor.zeros(2, 5), Tensor.zeros(6, 3));
    assertThrows(ShapeMismatchException.class, () -> new Weighted(torn, 1));
    assertThrows(ShapeMismatchException.class, () -> Combination.svd(torn, 1));
    PublishedBranch wide =
        new PublishedBranch(20_000, 1, Tensor.zeros(20_000, 1), Tensor.zeros(1, 20_000));
    List<Weighted> tooMuch = List.of(new Weighted(wide, 1), new Weighted(wide, 1));
    assertThrows(IllegalArgumentException.class, () -> Combination.concatenate(tooMuch));
    branch.loraB().data()[1] = Float.NaN;
    assertThrows(IllegalArgumentException.class, () -> Combination.svd(branch, 1));
  }

  private static PublishedBranch branch(long seed, int out, int in, int rank, float alpha) {
    return new PublishedBranch(
        rank, alpha, SmallModels.random(seed, rank, in), SmallModels.random(seed + 100, out, rank));
  }

  private static List<Integer> dims(Tensor tensor) {
    return List.of(tensor.shape().dim(0), tensor.shape().dim(1));
  }

  /** {@code alpha/rank B A}, in double. */
  private static double[] delta(PublishedBranch branch) {
    return product(branch, false);
  }

  /** The same of the magnitudes of all elements. */
  private static double[] magnitudes(PublishedBranch branch) {
    return product(branch, true);
  }

  private static double[] product(PublishedBranch branch, boolean ofMagnitudes) {
    int rank = branch.rank();
    int in = branch.loraA().shape().dim(1);
    int out = branch.loraB().shape().dim(0);
    double[] delta = new double[out * in];
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < in; i++) {
        double sum = 0;
        for (int r = 0; r < rank; r++) {
          double term =
              (double) branch.loraB().data()[o * rank + r] * branch.loraA().data()[r * in + i];
          sum += ofMagnitudes ? Math.abs(term) : term;
        }
        delta[o * in + i] = branch.alpha() / (double) rank * sum;
      }
    }
    return delta;
  }
}
