package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.lora4j.kernel.portable.PortableKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** What the tests of both kernels share: the kernels, numbers to feed them, the unit roundoff. */
final class KernelsUnderTest {

  /** Half the distance of 1 to the next float. */
  static final double U = 0x1p-24;

  private KernelsUnderTest() {}

  /** The portable kernels, and the vector kernels where Java was started with their module. */
  static Stream<Kernels> all() {
    return Made.ALL.stream();
  }

  /** Made once, at the first use, because the vector kernels warm up when they are made. */
  private static final class Made {
    static final List<Kernels> ALL = make();
  }

  private static List<Kernels> make() {
    List<Kernels> kernels = new ArrayList<>(List.of(new PortableKernels()));
    if (VectorSupport.moduleReadable()) {
      try {
        kernels.add(
            (Kernels)
                Class.forName("io.github.lora4j.kernel.vector.VectorKernels")
                    .getDeclaredConstructor()
                    .newInstance());
      } catch (ReflectiveOperationException e) {
        throw new AssertionError(e);
      }
    }
    return kernels;
  }

  /** Numbers uniform in [-scale, scale). */
  static float[] uniform(int length, double scale, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      x[i] = (float) ((2 * random.nextDouble() - 1) * scale);
    }
    return x;
  }

  /** A matrix of uniform numbers that lies somewhere inside a larger array, either way round. */
  static Matrix somewhere(int rows, int columns, boolean turned, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int offset = random.nextInt(5);
    int lines = turned ? columns : rows;
    int stride = Math.max(1, (turned ? rows : columns) + random.nextInt(4));
    float[] data = uniform(offset + lines * stride + 3, 1, seed + 1);
    return turned
        ? new Matrix(data, offset, rows, columns, 1, stride)
        : new Matrix(data, offset, rows, columns, stride, 1);
  }

  static float at(Matrix m, int row, int column) {
    return m.data()[m.index(row, column)];
  }

  /** Overwrites the elements of a view, not those around it. */
  static void fill(Matrix m, float value) {
    for (int i = 0; i < m.rows(); i++) {
      for (int j = 0; j < m.columns(); j++) {
        m.data()[m.index(i, j)] = value;
      }
    }
  }

  /** The elements of a view, row by row. */
  static float[] elements(Matrix m) {
    float[] all = new float[m.rows() * m.columns()];
    for (int i = 0; i < m.rows(); i++) {
      for (int j = 0; j < m.columns(); j++) {
        all[i * m.columns() + j] = at(m, i, j);
      }
    }
    return all;
  }

  /** The same view of a copy of the array. */
  static Matrix copy(Matrix m) {
    return new Matrix(
        m.data().clone(), m.offset(), m.rows(), m.columns(), m.rowStride(), m.columnStride());
  }

  /** Checks that a call has changed nothing but the elements of a view. */
  static void assertRestUntouched(Matrix before, Matrix after) {
    float[] old = before.data().clone();
    for (int i = 0; i < after.rows(); i++) {
      for (int j = 0; j < after.columns(); j++) {
        old[after.index(i, j)] = at(after, i, j);
      }
    }
    assertArrayEquals(old, after.data(), "elements outside the view");
  }

  /** The bound of a sum of k products, {@code k u / (1 - k u)} (Higham 2002, section 3.1). */
  static double gamma(int k) {
    return k * U / (1 - k * U);
  }
}
