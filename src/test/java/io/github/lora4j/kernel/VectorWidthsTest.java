package io.github.lora4j.kernel;

import static io.github.lora4j.kernel.KernelsUnderTest.gamma;
import static io.github.lora4j.kernel.KernelsUnderTest.somewhere;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The vector kernels on machines with narrower vectors than this one, in virtual machines that
 * pretend to have them: 16 bytes as NEON, 32 as AVX2.
 */
@Timeout(300)
@DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
class VectorWidthsTest {

  /**
   * Prints how far products are from double precision, as a share of what is allowed, and how long
   * they take: first as the interpreter and the first compiler run what the warm-up has not
   * compiled, then as compiled while the time was taken. Fails if attention is wrong.
   */
  static final class Main {
    private static final int ENOUGH = 20;

    private Main() {}

    public static void main(String[] args) {
      Kernels kernels = ActiveKernels.get();
      double error = error(kernels);
      Parallel.setThreads(1);
      LinearCase operands = LinearCase.of(240, 768, 768, 16, false, 1);
      PackedMatrix weight = operands.packed(kernels, WeightFormat.FLOAT32);
      Matrix y = Matrix.of(new float[240 * 768], 240, 768);
      System.out.println("forward " + best(() -> kernels.linear(operands.x(), weight, null, y)));
      System.out.println(
          "backward " + best(() -> kernels.linearBackward(operands.dy(), weight, y, false)));
      Parallel.setThreads(3);
      error = Math.max(error, error(kernels));
      AttentionKernelsTest.check(kernels, 70, 65, 130);
      System.out.println("kernels " + kernels.description());
      System.out.println("error " + error);
    }

    /** The nanoseconds of the fastest call, after which many others were not faster. */
    private static long best(Runnable call) {
      long best = Long.MAX_VALUE;
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
      int since = 0;
      while (since < ENOUGH && System.nanoTime() < end) {
        long start = System.nanoTime();
        call.run();
        long taken = System.nanoTime() - start;
        since = taken < 0.98 * best ? 0 : since + 1;
        best = Math.min(best, taken);
      }
      return best;
    }

    private static double error(Kernels kernels) {
      double worst = 0;
      int seed = 0;
      int[][] sizes = {{1, 1, 1}, {13, 50, 33}, {7, 21, 70}, {40, 3, 5}, {6, 400, 9}, {70, 7, 390}};
      for (int[] size : sizes) {
        worst = Math.max(worst, multiply(kernels, size[0], size[1], size[2], ++seed));
        worst = Math.max(worst, multiply(kernels, size[1], size[2], size[0], ++seed));
        for (int rank : new int[] {-1, 4, 17}) {
          LinearCase operands = LinearCase.of(size[0], size[1], size[2], rank, false, ++seed);
          PackedMatrix floats = operands.packed(kernels, WeightFormat.FLOAT32);
          worst = Math.max(worst, operands.worst(kernels, floats));
          PackedMatrix halves = operands.packed(kernels, WeightFormat.BFLOAT16);
          float[] elements = operands.weight().data();
          for (int i = 0; i < elements.length; i++) {
            elements[i] = BFloat16.round(elements[i]);
          }
          worst = Math.max(worst, operands.worst(kernels, halves));
        }
      }
      return worst;
    }

    private static double multiply(Kernels kernels, int m, int k, int n, int seed) {
      Matrix a = somewhere(m, k, seed % 3 == 0, 3L * seed);
      Matrix b = somewhere(k, n, seed % 2 == 0, 3L * seed + 1);
      Matrix c = somewhere(m, n, seed % 4 == 3, 3L * seed + 2);
      DoubleSum sum = new DoubleSum(m, n).plus(c).plusProduct(a, b, 0.3f);
      kernels.multiply(a, b, 0.3f, c, true);
      return sum.worst(c, k + 2);
    }
  }

  private static final Map<Integer, String> OUTPUTS = new HashMap<>();

  /**
   * What the main class prints with vectors of so many bytes.
   *
   * @param bytes the most in a vector, 0 for as many as the machine has
   */
  private static String output(int bytes) {
    return OUTPUTS.computeIfAbsent(
        bytes,
        most -> {
          List<String> flags = new ArrayList<>(ChildJvm.WITH_MODULE);
          flags.add("-Dlora4j.kernels=vector");
          if (most > 0) {
            flags.add("-XX:MaxVectorSize=" + most);
          }
          return ChildJvm.run(Main.class, flags);
        });
  }

  private static int lanes(String output) {
    String kernels = ChildJvm.value(output, "kernels");
    assertTrue(kernels.matches("vector, \\d+ lanes"), kernels);
    return Integer.parseInt(kernels.split(" ")[1]);
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 0})
  void everyWidthGivesRightResults(int bytes) {
    String output = output(bytes);
    int widest = lanes(output(0));
    assertEquals(bytes == 0 ? widest : Math.min(bytes / 4, widest), lanes(output), output);
    double error = Double.parseDouble(ChildJvm.value(output, "error"));
    assertTrue(error <= 1 && error > gamma(1), output);
  }

  /**
   * Where an operation has not become an instruction, it takes a hundred times as long; vectors of
   * half the width need twice as many instructions at most. On a busy machine the compiler may be
   * late, so one of some attempts is enough.
   */
  @Test
  void vectorsOf32BytesHaveAtLeastAThirdOfTheSpeed() {
    int attempts = 1;
    while (!(timesAsLong("forward") <= 3 && timesAsLong("backward") <= 3)) {
      assertTrue(attempts++ < 4, () -> output(32) + output(0));
      OUTPUTS.remove(32);
    }
  }

  private static double timesAsLong(String direction) {
    return Double.parseDouble(ChildJvm.value(output(32), direction))
        / Double.parseDouble(ChildJvm.value(output(0), direction));
  }
}
