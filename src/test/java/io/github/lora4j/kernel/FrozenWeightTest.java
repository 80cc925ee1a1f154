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

/** Frozen weights in each format: what is put in comes out. */
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

  /** Lines that have columns or rows in common, of which a format may hold two in one place. */
  @ParameterizedTest
  @MethodSource("kernelsAndFormats")
  void threadsMayFillDifferentRowsOrColumnsAtOnce(Kernels kernels, WeightFormat format)
      throws InterruptedException {
    PackedMatrix weight = kernels.allocate(17, 1000, format);
    for (int distance : new int[] {4, 8, 16}) {
      atOnce(line -> refill(weight, line, 0, 1, 1000), 0, distance);
    }
    PackedMatrix narrow = kernels.allocate(17, 2, format);
    atOnce(line -> refill(narrow, 0, line, 17, 1), 0, 1);
  }

  /** Fills a rectangle for a while, and looks each time whether it is there. */
  private static void refill(PackedMatrix weight, int row, int column, int rows, int columns) {
    float[] found = new float[rows * weight.columns()];
    Matrix view = Matrix.of(found, rows, weight.columns()).columns(column, columns);
    boolean whole = columns == weight.columns();
    Matrix block = Matrix.of(new float[rows * columns], rows, columns);
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(80);
    for (int round = 1; System.nanoTime() < end; round++) {
      Arrays.fill(block.data(), round % 100);
      weight.put(row, column, block);
      weight.copyRows(row, rows, found, 0);
      assertTrue(Arrays.equals(block.data(), whole ? found : elements(view)));
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
