package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class KernelProfileTest {

  private static Matrix filled(int rows, int columns) {
    float[] data = new float[rows * columns];
    for (int i = 0; i < data.length; i++) {
      data[i] = i % 7 - 3;
    }
    return Matrix.of(data, rows, columns);
  }

  private static float[] mapped(Kernels kernels) {
    Matrix y = Matrix.of(new float[3 * 4], 3, 4);
    LowRank branch = new LowRank(filled(3, 2), filled(2, 4), 0.5f);
    kernels.linear(filled(3, 5), kernels.pack(filled(4, 5)), null, null, branch, y);
    return y.data();
  }

  @Test
  void callsAreCountedAndComputeTheSame() {
    Kernels before = ActiveKernels.get();
    float[] expected = mapped(before);
    try (KernelProfile profile = ActiveKernels.profile()) {
      Kernels counted = ActiveKernels.get();
      assertNotSame(before, counted);
      assertEquals(before.description(), counted.description());
      assertArrayEquals(expected, mapped(counted));
      assertArrayEquals(expected, mapped(counted));
      counted.gelu(new float[8], new float[8], 8);

      List<KernelProfile.Entry> entries = profile.entries();
      assertEquals(2, entries.size());
      KernelProfile.Entry linear =
          entries.stream().filter(e -> e.operation().equals("linear")).findFirst().orElseThrow();
      assertEquals(2, linear.calls());
      assertEquals(2 * (2 * 3 * 5 * 4 + 2 * 3 * 2 * 4), linear.operations());
      assertEquals(2 * 4 * (4 * 5 + 3 * 5 + 3 * 4), linear.bytes());
      assertTrue(linear.seconds() > 0);

      profile.clear();
      assertTrue(profile.entries().isEmpty());
    }
    assertSame(before, ActiveKernels.get());
  }
}
