package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.KnownSpectrum;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.SingularOps_FDRM;
import org.ejml.dense.row.factory.DecompositionFactory_FDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PissaTest {

  private static final float SCALING = 0.75f;

  /** What PEFT computes: singular vectors times the roots of the scaled singular values. */
  @ParameterizedTest
  @CsvSource({"60,40", "40,60", "40,40"})
  void aAndBAreThoseOfAFullSvdUpToTheSignOfEachPair(int out, int in) {
    int rank = 6;
    double[] values = IntStream.range(0, 40).mapToDouble(i -> 5 * Math.pow(0.7, i)).toArray();
    Tensor weight = Tensor.of(KnownSpectrum.matrix(out, in, values), out, in);
    FMatrixRMaj matrix = new FMatrixRMaj(out, in);
    matrix.setData(weight.toArray());
    SingularValueDecomposition_F32<FMatrixRMaj> svd =
        DecompositionFactory_FDRM.svd(out, in, true, true, true);
    assertTrue(svd.decompose(matrix));
    FMatrixRMaj u = svd.getU(null, false);
    FMatrixRMaj s = svd.getW(null);
    FMatrixRMaj v = svd.getV(null, false);
    SingularOps_FDRM.descendingOrder(u, false, s, v, false);

    Pissa pissa = Pissa.of(weight, rank, SCALING, 1);

    for (int r = 0; r < rank; r++) {
      assertEquals(values[r], s.get(r, r), 1e-4);
      double root = Math.sqrt(s.get(r, r) / SCALING);
      // The signs of a pair of vectors are free, but both change together.
      double sign = 0;
      for (int o = 0; o < out; o++) {
        sign += u.get(o, r) * pissa.loraB().data()[r * out + o];
      }
      sign = Math.signum(sign);
      for (int o = 0; o < out; o++) {
        assertEquals(sign * root * u.get(o, r), pissa.loraB().data()[r * out + o], 1e-4);
      }
      for (int i = 0; i < in; i++) {
        assertEquals(sign * root * v.get(i, r), pissa.loraA().data()[i * rank + r], 1e-4);
      }
    }
  }

  /** Of a matrix of random numbers all singular values are close to each other: the worst case. */
  @ParameterizedTest
  @ValueSource(ints = {1, 8, 32})
  void theErrorIsWithinOnePercentOfTheOptimum(int rank) {
    int out = 96;
    int in = 64;
    Tensor weight = SmallModels.random(5, out, in);
    FMatrixRMaj matrix = new FMatrixRMaj(out, in);
    matrix.setData(weight.toArray());
    SingularValueDecomposition_F32<FMatrixRMaj> svd =
        DecompositionFactory_FDRM.svd(out, in, false, false, true);
    assertTrue(svd.decompose(matrix));
    double[] values = new double[in];
    for (int i = 0; i < in; i++) {
      values[i] = -svd.getSingularValues()[i];
    }
    Arrays.sort(values);
    double optimum = KnownSpectrum.norm(values, rank);

    Tensor residual = residual(Pissa.of(weight, rank, SCALING, 2), weight);

    double error = norm(residual.data());
    assertTrue(error <= 1.01 * optimum, "error over optimum: " + error / optimum);
    assertTrue(error >= (1 - 1e-5) * optimum, "nothing is better than the best");
  }

  @Test
  void branchAndResidualAddUpToTheWeight() {
    Tensor weight = SmallModels.random(3, 7, 5);
    Pissa pissa = Pissa.of(weight, 2, 4f, 1);
    Tensor residual = residual(pissa, weight);
    for (int o = 0; o < 7; o++) {
      for (int i = 0; i < 5; i++) {
        double delta = 0;
        for (int r = 0; r < 2; r++) {
          delta += (double) pissa.loraA().data()[i * 2 + r] * pissa.loraB().data()[r * 7 + o];
        }
        assertEquals(weight.data()[o * 5 + i], residual.data()[o * 5 + i] + 4 * delta, 1e-6);
        assertTrue(Math.abs(delta) > 1e-5);
      }
    }
  }

  /** A head of two classes has two singular values only. */
  @Test
  void whatExceedsTheSizesOfTheWeightStartsAsPlainLora() {
    Tensor weight = SmallModels.random(3, 2, 9);
    Pissa pissa = Pissa.of(weight, 4, SCALING, 1);
    for (float left : residual(pissa, weight).data()) {
      assertEquals(0, left, 1e-6);
    }
    for (int i = 0; i < 9; i++) {
      for (int r = 2; r < 4; r++) {
        float a = pissa.loraA().data()[i * 4 + r];
        assertTrue(a != 0 && Math.abs(a) <= 1 / 3f);
      }
    }
    assertArrayEquals(new float[4], Arrays.copyOfRange(pissa.loraB().data(), 4, 8));
  }

  @Test
  void theBitsAreAFunctionOfTheKeyAndNotOfHowTheWeightIsHeld() {
    Tensor weight = SmallModels.random(3, 40, 30);
    Pissa pissa = Pissa.of(weight, 4, SCALING, 1);
    Tensor packed = Tensor.ofPacked(ActiveKernels.get().pack(Matrix.of(weight.data(), 40, 30)));
    Pissa same = Pissa.of(packed, 4, SCALING, 1);
    assertArrayEquals(pissa.loraA().data(), same.loraA().data());
    assertArrayEquals(pissa.loraB().data(), same.loraB().data());
    assertArrayEquals(residual(pissa, weight).data(), residual(same, packed).data());
    Pissa other = Pissa.of(weight, 4, SCALING, 2);
    assertFalse(Arrays.equals(pissa.loraA().data(), other.loraA().data()));
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Tensor weight = SmallModels.random(3, 4, 5);
    assertThrows(IllegalArgumentException.class, () -> Pissa.of(weight, 0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> Pissa.of(weight, 1 << 16, 1, 1));
    for (float scaling : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> Pissa.of(weight, 2, scaling, 1));
    }
    Tensor vector = Tensor.zeros(4);
    assertThrows(ShapeMismatchException.class, () -> Pissa.of(vector, 1, 1, 1));
    weight.data()[3] = Float.NaN;
    assertThrows(IllegalArgumentException.class, () -> Pissa.of(weight, 2, 1, 1));
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }

  /** {@code W - scaling (A B)^T}, sums in double. */
  private static Tensor residual(Pissa pissa, Tensor weight) {
    float[] rest = weight.toArray();
    int out = weight.shape().dim(0);
    int in = weight.shape().dim(1);
    int rank = pissa.loraA().shape().dim(1);
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < in; i++) {
        double product = 0;
        for (int r = 0; r < rank; r++) {
          product +=
              (double) pissa.loraA().data()[i * rank + r] * pissa.loraB().data()[r * out + o];
        }
        rest[o * in + i] = (float) (rest[o * in + i] - pissa.scaling() * product);
      }
    }
    return Tensor.of(rest, out, in);
  }
}
