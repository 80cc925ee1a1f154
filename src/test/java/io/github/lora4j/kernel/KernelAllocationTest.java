package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.uniform;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a call of a warm kernel allocates. For the vector kernels this is the cheapest detector of a
 * vector operation that the compiler has not turned into an instruction, since each of its results
 * costs up to 96 bytes.
 */
@Timeout(300)
class KernelAllocationTest {

  private static final int ROWS = 40;
  private static final int COLUMNS = 300;

  /** The objects of a parallel call, and a block of gradients of 4 KiB where they are added. */
  private static final long ALLOWED = 8192;

  /** When the compiler must be done with a kernel, however busy the machine is. */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final int threadsBefore = Parallel.threads();

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  static Stream<Kernels> kernels() {
    return KernelsUnderTest.all();
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void warmKernelsMakeNoGarbage(Kernels kernels) {
    Parallel.setThreads(1);
    calls(kernels)
        .forEach(
            (name, call) -> {
              long least = Allocation.least(call, ALLOWED, PATIENCE_NANOS);
              assertTrue(least <= ALLOWED, () -> name + " allocates %,d bytes".formatted(least));
            });
  }

  /** If the counter did not count, the test above would pass whatever the kernels do. */
  @ParameterizedTest
  @MethodSource("kernels")
  void garbageWouldBeSeen(Kernels kernels) {
    assertTrue(Allocation.of(() -> uniform(ROWS * COLUMNS, 1, 1)) > ALLOWED);
  }

  /** A call of each kernel in each of its forms. */
  private static Map<String, Runnable> calls(Kernels kernels) {
    float[] x = uniform(ROWS * COLUMNS, 1, 1);
    float[] y = new float[ROWS * COLUMNS];
    float[] square = uniform(COLUMNS * COLUMNS, 1, 2);
    float[] weight = uniform(COLUMNS, 1, 3);
    float[] mean = new float[ROWS];
    float[] scale = new float[ROWS];
    float[] m = new float[ROWS * COLUMNS];
    float[] v = new float[ROWS * COLUMNS];
    Matrix in = Matrix.of(x, ROWS, COLUMNS);
    Matrix out = Matrix.of(y, ROWS, COLUMNS);
    Matrix w = Matrix.of(square, COLUMNS, COLUMNS);
    PackedMatrix packed = kernels.pack(w);
    AdamWStep step = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 1);
    PackedMatrix narrow = kernels.allocate(COLUMNS, COLUMNS, WeightFormat.BFLOAT16);
    narrow.put(0, 0, w);
    LowRank branch =
        new LowRank(
            w.columns(0, 16), Matrix.of(new float[ROWS * 16], ROWS, 16), w.rows(0, 16), 0.5f);
    Map<String, Runnable> calls = new LinkedHashMap<>();
    calls.put("softmax", () -> kernels.softmax(x, 0, y, 0, COLUMNS));
    calls.put("softmaxBackward", () -> kernels.softmaxBackward(x, 0, y, 0, COLUMNS));
    calls.put(
        "layerNorm",
        () -> kernels.layerNorm(x, ROWS, COLUMNS, weight, weight, 1e-5f, y, mean, scale));
    for (boolean add : new boolean[] {false, true}) {
      String form = add ? ", adding" : "";
      calls.put("multiply" + form, () -> kernels.multiply(in, w, 0.5f, out, add));
      calls.put("multiply turned" + form, () -> kernels.multiply(in, w.transpose(), 1, out, add));
      calls.put(
          "multiply narrow" + form,
          () -> kernels.multiply(in, w.columns(0, 7), 1, out.columns(0, 7), add));
      calls.put("linear" + form, () -> kernels.linear(in, packed, add ? weight : null, out));
      calls.put("linearBackward" + form, () -> kernels.linearBackward(in, packed, out, add));
      calls.put(
          "linear with all" + form,
          () -> kernels.linear(in, add ? packed : narrow, weight, in, branch, out));
      calls.put(
          "linearBackward with all" + form,
          () -> kernels.linearBackward(in, narrow, branch, out, add));
      calls.put(
          "layerNormBackward" + form,
          () -> kernels.layerNormBackward(x, x, ROWS, COLUMNS, weight, mean, scale, y, add));
      calls.put("geluBackward" + form, () -> kernels.geluBackward(x, x, y, x.length, add));
    }
    calls.put("gelu", () -> kernels.gelu(x, y, x.length));
    calls.put("adamW", () -> kernels.adamW(y, x, 0.5f, m, v, step));
    return calls;
  }
}
