package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.uniform;

import java.util.LinkedHashMap;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Kernels that are compiled after other code has used vectors of all shapes, as a bfloat16 base or
 * a program around lora4j may: what the compiler learnt of the methods that all share is of no use
 * then.
 */
@Timeout(300)
@DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
class KernelsAfterOtherVectorsTest {

  /** Prints the calls that go on to allocate. */
  static final class Main {
    private static final int SIZE = 100;

    private Main() {}

    public static void main(String[] args) {
      Kernels kernels = ActiveKernels.get();
      Parallel.setThreads(1);
      for (int bits : new int[] {128, 256, 512}) {
        useVectors(bits, new float[256], new int[256]);
      }
      float[] x = uniform(SIZE * SIZE, 1, 1);
      float[] y = new float[SIZE * SIZE];
      float[] row = new float[SIZE];
      Map<String, Runnable> calls = new LinkedHashMap<>();
      calls.put("gelu", () -> kernels.gelu(x, y, x.length));
      calls.put("geluBackward", () -> kernels.geluBackward(x, x, y, x.length, false));
      calls.put("layerNorm", () -> kernels.layerNorm(x, SIZE, SIZE, row, row, 1e-5f, y, row, row));
      GarbageInChildJvm.print(kernels, calls);
    }

    /** No class of the Vector API in the signature: JUnit looks at it without the module too. */
    private static void useVectors(int size, float[] x, int[] y) {
      VectorShape shape = VectorShape.forBitSize(size);
      VectorSpecies<Float> floats = VectorSpecies.of(float.class, shape);
      VectorSpecies<Integer> ints = VectorSpecies.of(int.class, shape);
      for (int round = 0; round < 3000; round++) {
        for (int i = 0; i < y.length; i += ints.length()) {
          IntVector bits = IntVector.fromArray(ints, y, i);
          FloatVector v = FloatVector.fromArray(floats, x, i);
          bits.lanewise(VectorOperators.LSHL, 3).add(bits).intoArray(y, i);
          bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(x, i);
          v.mul(v).reinterpretAsInts().lanewise(VectorOperators.LSHR, 16).intoArray(y, i);
          v.fma(v, v).max(v).add(v).intoArray(x, i);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 64})
  void makeNoGarbage(int bytes) {
    GarbageInChildJvm.assertNone(Main.class, "-XX:MaxVectorSize=" + bytes);
  }
}
