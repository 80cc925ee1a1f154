package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.uniform;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sums in registers where the compiler does not speculate on classes. It speculates by profiles of
 * methods that all code with vectors shares, and gives that up for a method of its own once the
 * shared ones were surprised too often, by vectors of integers for example. Sums whose class it
 * does not know are then boxed: a step that should take a second takes a minute.
 */
@Timeout(300)
@DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
class UnprofiledKernelsTest {

  /** Prints the calls that go on to allocate. */
  static final class Main {
    private static final int SIZE = 100;

    private Main() {}

    public static void main(String[] args) {
      Kernels kernels = ActiveKernels.get();
      Parallel.setThreads(1);
      Matrix a = Matrix.of(uniform(SIZE * SIZE, 1, 1), SIZE, SIZE);
      Matrix b = Matrix.of(uniform(SIZE * SIZE, 1, 2), SIZE, SIZE);
      Matrix c = Matrix.of(new float[SIZE * SIZE], SIZE, SIZE);
      Map<String, Runnable> calls = new LinkedHashMap<>();
      calls.put("wide", () -> kernels.multiply(a.transpose(), b, 1, c, false));
      for (Matrix left : List.of(a, a.transpose())) {
        calls.put(
            "narrow, columns " + left.columnStride() + " apart",
            () -> kernels.multiply(left, b.columns(0, 4), 1, c.columns(0, 4), false));
      }
      float[] x = a.data();
      float[] y = c.data();
      float[] row = new float[SIZE];
      calls.put("layerNorm", () -> kernels.layerNorm(x, SIZE, SIZE, row, row, 1e-5f, y, row, row));
      calls.put(
          "layerNormBackward",
          () -> kernels.layerNormBackward(x, x, SIZE, SIZE, row, row, row, y, false));
      calls.put("softmaxBackward", () -> kernels.softmaxBackward(x, 0, y, 0, SIZE));
      GarbageInChildJvm.print(kernels, calls);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 64})
  void sumsAreNotBoxed(int bytes) {
    GarbageInChildJvm.assertNone(
        Main.class, "-XX:MaxVectorSize=" + bytes, "-XX:PerMethodTrapLimit=0");
  }
}
