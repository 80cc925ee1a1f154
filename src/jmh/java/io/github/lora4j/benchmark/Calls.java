package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.Kernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;

/** The plain forms of the calls that can do more than is measured here. */
final class Calls {

  private Calls() {}

  /** {@code y = x W^T}. */
  static void linear(Kernels kernels, Matrix x, PackedMatrix weight, Matrix y) {
    kernels.linear(x, weight, null, y);
  }

  /** {@code dx = dy W}. */
  static void linearBackward(Kernels kernels, Matrix dy, PackedMatrix weight, Matrix dx) {
    kernels.linearBackward(dy, weight, dx, false);
  }

  /** {@code y = gelu(x)}. */
  static void gelu(Kernels kernels, float[] x, float[] y) {
    kernels.gelu(x, y);
  }

  /** {@code dx = dy gelu'(x)}. */
  static void geluBackward(Kernels kernels, float[] x, float[] dy, float[] dx) {
    kernels.geluBackward(x, dy, dx, false);
  }
}
