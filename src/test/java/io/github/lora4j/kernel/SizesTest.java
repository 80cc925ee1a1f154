package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Operands whose sizes do not fit, and operands without elements. */
class SizesTest {

  private static final AdamWStep STEP = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1);

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  private static Matrix zeros(int rows, int columns) {
    return Matrix.of(new float[rows * columns], rows, columns);
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void productsOfSizesThatDoNotFitAreRefused(Kernels kernels) {
    assertRefused(
        "multiply: inner dimensions differ, got (4, 8) x (16, 3)",
        () -> kernels.multiply(zeros(4, 8), zeros(16, 3), 1, zeros(4, 3), false));
    assertRefused(
        "multiply: a result of (4, 3) expected for (4, 8) x (8, 3), got (3, 4)",
        () -> kernels.multiply(zeros(4, 8), zeros(8, 3), 1, zeros(3, 4), true));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void linearRefusesSizesThatDoNotFit(Kernels kernels) {
    PackedMatrix weight = kernels.pack(zeros(5, 2));
    assertRefused(
        "linear: inputs of (m, 2) expected for a weight of (5, 2), got (3, 4)",
        () -> kernels.linear(zeros(3, 4), weight, null, zeros(3, 5)));
    assertRefused(
        "linear: a result of (3, 5) expected for a weight of (5, 2), got (3, 6)",
        () -> kernels.linear(zeros(3, 2), weight, null, zeros(3, 6)));
    assertRefused(
        "linear: a bias of 5 elements expected, got 4",
        () -> kernels.linear(zeros(3, 2), weight, new float[4], zeros(3, 5)));
    assertRefused(
        "linear: a result with consecutive elements in a row expected, got column stride 3",
        () -> kernels.linear(zeros(3, 2), weight, null, zeros(5, 3).transpose()));
    assertRefused(
        "linearBackward: gradients of (m, 5) expected for a weight of (5, 2), got (3, 4)",
        () -> kernels.linearBackward(zeros(3, 4), weight, zeros(3, 2), false));
    assertRefused(
        "linearBackward: a result of (3, 2) expected for a weight of (5, 2), got (4, 2)",
        () -> kernels.linearBackward(zeros(3, 5), weight, zeros(4, 2), false));
    assertRefused(
        "linearBackward: a result with consecutive elements in a row expected, got column stride 3",
        () -> kernels.linearBackward(zeros(3, 5), weight, zeros(2, 3).transpose(), false));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void rowsThatDoNotLieInTheirArraysAreRefused(Kernels kernels) {
    float[] x = new float[10];
    float[] p = new float[5];
    assertRefused(
        "softmax: rows of 1 or more elements inside arrays of 10 and 5 expected, got 4 from 7 and"
            + " from 0",
        () -> kernels.softmax(x, 7, p, 0, 4));
    for (int[] row : new int[][] {{0, 0, 0}, {-1, 0, 2}, {0, -1, 2}, {0, 2, 4}, {9, 0, 2}}) {
      Class<IllegalArgumentException> refusal = IllegalArgumentException.class;
      assertThrows(refusal, () -> kernels.softmax(x, row[0], p, row[1], row[2]));
      assertThrows(refusal, () -> kernels.softmaxBackward(x, row[0], p, row[1], row[2]));
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void layerNormRefusesSizesThatDoNotFit(Kernels kernels) {
    int[] right = {6, 3, 3, 6, 2, 2, 6};
    layerNorm(kernels, right);
    for (int operand = 0; operand < right.length; operand++) {
      int[] wrong = right.clone();
      wrong[operand]--;
      String message =
          assertThrows(IllegalArgumentException.class, () -> layerNorm(kernels, wrong))
              .getMessage();
      assertTrue(message.startsWith("layerNorm: "), message);
      assertTrue(message.endsWith("got " + wrong[operand]), message);
    }
  }

  private static void layerNorm(Kernels kernels, int[] lengths) {
    float[][] arrays = new float[lengths.length][];
    for (int i = 0; i < lengths.length; i++) {
      arrays[i] = new float[lengths[i]];
    }
    float[] x = arrays[0];
    float[] weight = arrays[1];
    float[] mean = arrays[4];
    float[] deviation = arrays[5];
    kernels.layerNormBackward(arrays[3], x, 2, 3, weight, mean, deviation, arrays[6], true);
    kernels.layerNorm(x, 2, 3, weight, arrays[2], 1e-5f, arrays[3], mean, deviation);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void arraysOfDifferentLengthsAreRefused(Kernels kernels) {
    float[] four = new float[4];
    float[] five = new float[5];
    assertRefused(
        "adamW: 4 elements of g expected, got 5",
        () -> kernels.adamW(four, five, 1, four.clone(), four.clone(), STEP));
    assertRefused(
        "adamW: 4 elements of m expected, got 5",
        () -> kernels.adamW(four, four.clone(), 1, five, four.clone(), STEP));
    assertRefused(
        "adamW: 4 elements of v expected, got 5",
        () -> kernels.adamW(four, four.clone(), 1, four.clone(), five, STEP));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void arraysThatAreTooShortAreRefused(Kernels kernels) {
    float[] four = new float[4];
    float[] five = new float[5];
    String message = "%s: arrays of at least 5 elements expected, got 4";
    assertRefused(message.formatted("gelu"), () -> kernels.gelu(four, five, 5));
    assertRefused(message.formatted("gelu"), () -> kernels.gelu(five, four, 5));
    String backward = message.formatted("geluBackward");
    assertRefused(backward, () -> kernels.geluBackward(four, five, five, 5, false));
    assertRefused(backward, () -> kernels.geluBackward(five, four, five, 5, false));
    assertRefused(backward, () -> kernels.geluBackward(five, five, four, 5, true));
    assertRefused(
        "gelu: arrays of at least 0 elements expected, got 4", () -> kernels.gelu(four, four, -1));
    assertRefused(message.formatted("add"), () -> Elementwise.add(five, four, five, 5));
    assertRefused(message.formatted("addScaled"), () -> Elementwise.addScaled(1, four, five, 5));
    assertRefused(
        message.formatted("addProduct"), () -> Elementwise.addProduct(four, five, five, 5));
  }

  /** Each kernel has a layout of its own, and cannot read another's. */
  @ParameterizedTest
  @MethodSource("kernels")
  void aWeightPackedByOtherKernelsIsRefused(Kernels kernels) {
    PackedMatrix foreign =
        new PackedMatrix() {
          @Override
          public int rows() {
            return 2;
          }

          @Override
          public int columns() {
            return 2;
          }

          @Override
          public WeightFormat format() {
            return WeightFormat.FLOAT32;
          }

          @Override
          public void put(int firstRow, int firstColumn, Matrix block) {}

          @Override
          public void copyRows(int firstRow, int count, float[] target, int offset) {}
        };
    Class<IllegalArgumentException> refusal = IllegalArgumentException.class;
    assertThrows(refusal, () -> kernels.linear(zeros(2, 2), foreign, null, zeros(2, 2)));
    assertThrows(refusal, () -> kernels.linearBackward(zeros(2, 2), foreign, zeros(2, 2), true));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void productsWithoutRowsOrColumnsAreEmpty(Kernels kernels) {
    for (int[] size : new int[][] {{0, 5, 3}, {3, 5, 0}, {0, 5, 0}, {0, 0, 0}, {0, 0, 3}}) {
      for (boolean accumulate : new boolean[] {false, true}) {
        Matrix a = zeros(size[0], size[1]);
        Matrix b = zeros(size[1], size[2]);
        Matrix c = zeros(size[0], size[2]);
        kernels.multiply(a, b, 1, c, accumulate);
        kernels.multiply(b.transpose(), a.transpose(), 1, c.transpose(), accumulate);
        PackedMatrix weight = kernels.pack(b.transpose());
        kernels.linear(a, weight, new float[size[2]], c);
        kernels.linearBackward(c, weight, a, accumulate);
        assertArrayEquals(new float[size[0] * size[1]], a.data());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aSumOfNoProductsIsZeroOrTheBias(Kernels kernels) {
    for (boolean turned : new boolean[] {false, true}) {
      Matrix c = somewhere(2, 3, turned, 1);
      float[] before = c.data().clone();
      kernels.multiply(zeros(2, 0), zeros(0, 3), 1, c, true);
      assertArrayEquals(before, c.data());
      kernels.multiply(zeros(2, 0), zeros(0, 3), 1, c, false);
      assertArrayEquals(new float[6], KernelsUnderTest.elements(c));
    }
    Matrix y = somewhere(2, 3, false, 2);
    PackedMatrix noInputs = kernels.pack(zeros(3, 0));
    kernels.linear(zeros(2, 0), noInputs, new float[] {5, 6, 7}, y);
    assertArrayEquals(new float[] {5, 6, 7, 5, 6, 7}, KernelsUnderTest.elements(y));
    kernels.linear(zeros(2, 0), noInputs, null, y);
    assertArrayEquals(new float[6], KernelsUnderTest.elements(y));
    Matrix dx = somewhere(2, 3, false, 3);
    float[] before = dx.data().clone();
    PackedMatrix noOutputs = kernels.pack(zeros(0, 3));
    kernels.linearBackward(zeros(2, 0), noOutputs, dx, true);
    assertArrayEquals(before, dx.data());
    kernels.linearBackward(zeros(2, 0), noOutputs, dx, false);
    assertArrayEquals(new float[6], KernelsUnderTest.elements(dx));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void arraysWithoutElementsStayEmpty(Kernels kernels) {
    float[] none = {};
    kernels.gelu(none, none, 0);
    kernels.geluBackward(none, none, none, 0, true);
    kernels.adamW(none, none, 1, none, none, STEP);
    for (int[] size : List.of(new int[] {0, 4}, new int[] {3, 0}, new int[] {0, 0})) {
      float[] columns = new float[size[1]];
      float[] rows = new float[size[0]];
      kernels.layerNorm(none, size[0], size[1], columns, columns, 1e-5f, none, rows, rows);
      kernels.layerNormBackward(none, none, size[0], size[1], columns, rows, rows, none, true);
    }
  }
}
