package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with weights that are held as bfloat16. */
class BFloat16ProductsTest {

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  /** So all that holds of the products of floats holds of these. */
  @ParameterizedTest
  @MethodSource("kernels")
  void productsWithBFloat16AreThoseWithTheRoundedFloats(Kernels kernels) {
    int seed = 0;
    int[][] sizes = {
      {1, 5, 9}, {13, 33, 31}, {40, 70, 130}, {257, 13, 390}, {121, 390, 65}, {2, 1100, 4200}
    };
    for (int[] size : sizes) {
      for (int rank : new int[] {-1, 17}) {
        LinearCase operands = LinearCase.of(size[0], size[1], size[2], rank, false, ++seed);
        PackedMatrix narrow = operands.packed(kernels, WeightFormat.BFLOAT16);
        float[] rounded = elements(operands.weight());
        for (int i = 0; i < rounded.length; i++) {
          rounded[i] = BFloat16.round(rounded[i]);
        }
        PackedMatrix wide = kernels.pack(Matrix.of(rounded, size[2], size[1]));
        assertArrayEquals(
            operands.linear(kernels, wide).data(), operands.linear(kernels, narrow).data());
        assertArrayEquals(
            operands.linearBackward(kernels, wide).data(),
            operands.linearBackward(kernels, narrow).data());
      }
    }
  }

  /**
   * Half the distance of two neighbours is 2^-8 of the smaller, so that is the most an element
   * changes by; on average over random elements, whose errors are independent, it is 2^-9.4, and
   * the change of the product is as large a share of the product.
   */
  @ParameterizedTest
  @MethodSource("kernels")
  void productsWithBFloat16AreAsNearAsTheFormatAllows(Kernels kernels) {
    int m = 50;
    int in = 300;
    int out = 200;
    Matrix w = somewhere(out, in, false, 1);
    Matrix x = somewhere(m, in, false, 2);
    Matrix dy = somewhere(m, out, false, 3);
    PackedMatrix narrow = kernels.allocate(out, in, WeightFormat.BFLOAT16);
    narrow.put(0, 0, w);
    Matrix y = Matrix.of(new float[m * out], m, out);
    kernels.linear(x, narrow, null, y);
    assertNear(x, w.transpose(), y);
    Matrix dx = Matrix.of(new float[m * in], m, in);
    kernels.linearBackward(dy, narrow, dx, false);
    assertNear(dy, w, dx);
    Matrix exact = Matrix.of(new float[m * out], m, out);
    kernels.linear(x, kernels.pack(w), null, exact);
    assertThrows(AssertionError.class, () -> assertNear(x, w.transpose(), exact));
  }

  private static void assertNear(Matrix a, Matrix b, Matrix product) {
    DoubleSum sum = new DoubleSum(product.rows(), product.columns()).plusProduct(a, b, 1);
    int roundings = (int) (0x1p-8 / KernelsUnderTest.U) + a.columns() + 1;
    sum.assertClose(product, roundings);
    double norm = sum.norm();
    double error = sum.plus(negative(product)).norm() / norm;
    assertTrue(error > 0x1p-10 && error < 0x1p-9, "relative error " + error);
  }

  private static Matrix negative(Matrix m) {
    float[] all = elements(m);
    for (int i = 0; i < all.length; i++) {
      all[i] = -all[i];
    }
    return Matrix.of(all, m.rows(), m.columns());
  }
}
