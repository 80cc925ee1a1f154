package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.at;
import static io.github.lora4j.kernel.KernelsUnderTest.elements;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Frozen weights in each format: what is put in comes out, and products use just that. */
@Timeout(120)
class FrozenWeightTest {

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  static Stream<Arguments> kernelsAndFormats() {
    return kernels()
        .flatMap(
            kernels ->
                Arrays.stream(WeightFormat.values()).map(format -> Arguments.of(kernels, format)));
  }

  private static float held(float value, WeightFormat format) {
    return format == WeightFormat.BFLOAT16 ? BFloat16.round(value) : value;
  }

  /** The elements of a matrix as a weight holds them, row by row. */
  private static float[] held(Matrix m, WeightFormat format) {
    float[] all = elements(m);
    for (int i = 0; i < all.length; i++) {
      all[i] = held(all[i], format);
    }
    return all;
  }

  private static float[] rows(PackedMatrix weight, int first, int count) {
    float[] copied = new float[count * weight.columns()];
    weight.copyRows(first, count, copied, 0);
    return copied;
  }

  /** Exactly: also the sign of a zero. */
  private static void assertHolds(float[] expected, PackedMatrix weight) {
    assertArrayEquals(expected, rows(weight, 0, weight.rows()));
  }

  /** Numbers of all sizes, one in eight of them special: ties, not a number, infinite, tiny. */
  private static Matrix anything(int rows, int columns, boolean turned, long seed) {
    float[] special = {
      Float.NaN,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.MIN_VALUE,
      Float.intBitsToFloat(0x007fffff),
      Float.intBitsToFloat(0x7f800001),
      1 + 0x1p-8f,
      1 + 3 * 0x1p-8f,
      -0f,
      0
    };
    Matrix drawn = somewhere(rows, columns, turned, seed);
    SplittableRandom random = new SplittableRandom(seed);
    float[] data = drawn.data();
    for (int i = 0; i < data.length; i++) {
      data[i] =
          random.nextInt(8) == 0
              ? special[random.nextInt(special.length)]
              : data[i] * (float) Math.pow(2, random.nextInt(-130, 128));
    }
    return drawn;
  }

  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void whatIsPutInComesOut(Kernels kernels, WeightFormat format) {
    int seed = 0;
    for (int rows : new int[] {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 70}) {
      for (int columns : new int[] {1, 3, 16, 50}) {
        for (boolean turned : new boolean[] {false, true}) {
          Matrix elements = anything(rows, columns, turned, ++seed);
          float[] before = elements.data().clone();
          PackedMatrix weight = kernels.allocate(rows, columns, format);
          assertEquals(rows, weight.rows());
          assertEquals(columns, weight.columns());
          assertEquals(format, weight.format());
          assertHolds(new float[rows * columns], weight);
          weight.put(0, 0, elements);
          assertHolds(held(elements, format), weight);
          assertArrayEquals(before, elements.data());
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void packingIsPuttingAllInFloats(Kernels kernels) {
    Matrix elements = anything(33, 20, true, 1);
    PackedMatrix weight = kernels.pack(elements);
    assertEquals(WeightFormat.FLOAT32, weight.format());
    assertHolds(elements(elements), weight);
  }

  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void rectanglesAnywhereChangeNothingElse(Kernels kernels, WeightFormat format) {
    int rows = 75;
    int columns = 41;
    PackedMatrix weight = kernels.allocate(rows, columns, format);
    Matrix expected = Matrix.of(new float[rows * columns], rows, columns);
    SplittableRandom random = new SplittableRandom(1);
    for (int trial = 0; trial < 300; trial++) {
      int height = random.nextInt(trial % 3 == 0 ? rows + 1 : 4);
      int width = random.nextInt(trial % 5 == 0 ? columns + 1 : 4);
      int row = random.nextInt(rows - height + 1);
      int column = random.nextInt(columns - width + 1);
      Matrix block = anything(height, width, random.nextBoolean(), 2 + trial);
      weight.put(row, column, block);
      for (int i = 0; i < height; i++) {
        for (int j = 0; j < width; j++) {
          expected.data()[expected.index(row + i, column + j)] = held(at(block, i, j), format);
        }
      }
      assertHolds(expected.data(), weight);
    }
  }

  /** Rows in one column, or columns in one row, of which a format may hold two in one place. */
  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void threadsMayFillDifferentRowsOrColumnsAtOnce(Kernels kernels, WeightFormat format)
      throws InterruptedException {
    PackedMatrix column = kernels.allocate(17, 1, format);
    PackedMatrix row = kernels.allocate(1, 17, format);
    atOnce(line -> refill(column, line, 0), 0, 4, 8, 16);
    atOnce(line -> refill(row, 0, line), 0, 4, 8, 16);
  }

  /** Fills one element for a while, and looks each time whether it is there. */
  private static void refill(PackedMatrix weight, int row, int column) {
    float[] found = new float[weight.columns()];
    Matrix element = Matrix.of(new float[1], 1, 1);
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100);
    for (int round = 1; System.nanoTime() < end; round++) {
      for (int i = 0; i < 100; i++) {
        element.data()[0] = 1 + (round + i) % 100;
        weight.put(row, column, element);
        weight.copyRows(row, 1, found, 0);
        assertEquals(element.data()[0], found[column]);
      }
    }
  }

  private static void atOnce(IntConsumer call, int... arguments) throws InterruptedException {
    AtomicInteger right = new AtomicInteger();
    List<Thread> callers = new ArrayList<>();
    for (int argument : arguments) {
      Thread caller =
          new Thread(
              () -> {
                call.accept(argument);
                right.incrementAndGet();
              });
      callers.add(caller);
      caller.start();
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertEquals(arguments.length, right.get(), "threads that found what they had filled in");
  }

  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void someRowsAreCopiedToTheirPlaceAlone(Kernels kernels, WeightFormat format) {
    Matrix elements = somewhere(40, 7, false, 1);
    PackedMatrix weight = kernels.allocate(40, 7, format);
    weight.put(0, 0, elements);
    for (int[] part : new int[][] {{0, 40}, {0, 1}, {39, 1}, {7, 20}, {16, 16}, {40, 0}, {3, 0}}) {
      float[] target = uniform(300, 1, 2);
      float[] expected = target.clone();
      float[] copied = held(elements.rows(part[0], part[1]), format);
      System.arraycopy(copied, 0, expected, 5, copied.length);
      weight.copyRows(part[0], part[1], target, 5);
      assertArrayEquals(expected, target);
    }
  }

  /** So all that holds of the products of floats holds of these. */
  @ParameterizedTest
  @MethodSource("kernels")
  void productsWithBFloat16AreThoseWithTheRoundedFloats(Kernels kernels) {
    int seed = 0;
    int[][] sizes = {{1, 5, 9}, {13, 33, 31}, {40, 70, 130}, {257, 13, 390}, {121, 390, 65}};
    for (int[] size : sizes) {
      for (int rank : new int[] {-1, 17}) {
        LinearCase operands = LinearCase.of(size[0], size[1], size[2], rank, false, ++seed);
        PackedMatrix narrow = operands.packed(kernels, WeightFormat.BFLOAT16);
        float[] rounded = held(operands.weight(), WeightFormat.BFLOAT16);
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

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void whatDoesNotLieInsideIsRefused(Kernels kernels, WeightFormat format) {
    PackedMatrix weight = kernels.allocate(5, 3, format);
    weight.put(0, 0, somewhere(5, 3, false, 1));
    float[] before = rows(weight, 0, 5);
    String put = "put: a rectangle inside a weight of (5, 3) expected, got (2, 3) at row ";
    Matrix block = somewhere(2, 3, true, 2);
    assertRefused(put + "4, column 0", () -> weight.put(4, 0, block));
    assertRefused(put + "0, column 1", () -> weight.put(0, 1, block));
    assertRefused(put + "-1, column 0", () -> weight.put(-1, 0, block));
    assertRefused(put + "0, column -1", () -> weight.put(0, -1, block));
    assertRefused(put + "2147483647, column 0", () -> weight.put(Integer.MAX_VALUE, 0, block));
    assertRefused(put + "0, column 2147483647", () -> weight.put(0, Integer.MAX_VALUE, block));
    assertArrayEquals(before, rows(weight, 0, 5));
    float[] target = uniform(15, 1, 3);
    float[] untouched = target.clone();
    String copy = "copyRows: a rectangle inside a weight of (5, 3) expected, got ";
    assertRefused(copy + "(2, 3) at row 4, column 0", () -> weight.copyRows(4, 2, new float[9], 0));
    assertRefused(copy + "(1, 3) at row -1, column 0", () -> weight.copyRows(-1, 1, target, 0));
    assertRefused(copy + "(-1, 3) at row 0, column 0", () -> weight.copyRows(0, -1, target, 0));
    String room = "copyRows: room for %d elements from %d expected, got an array of 15";
    assertRefused(room.formatted(15, 1), () -> weight.copyRows(0, 5, target, 1));
    assertRefused(room.formatted(3, -1), () -> weight.copyRows(0, 1, target, -1));
    assertRefused(
        room.formatted(3, Integer.MAX_VALUE),
        () -> weight.copyRows(0, 1, target, Integer.MAX_VALUE));
    assertArrayEquals(untouched, target);
  }

  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void weightsThatNoArrayHoldsAreRefused(Kernels kernels, WeightFormat format) {
    int max = Integer.MAX_VALUE;
    int[][] sizes = {
      {-1, 3}, {3, -1}, {-1, -1}, {65536, 65536}, {46341, 46341}, {1, max}, {max, 1}
    };
    for (int[] size : sizes) {
      assertRefused(
          "weight: sizes from 0 and fewer than 2^31 elements expected, got (%d, %d)"
              .formatted(size[0], size[1]),
          () -> kernels.allocate(size[0], size[1], format));
    }
  }
}
