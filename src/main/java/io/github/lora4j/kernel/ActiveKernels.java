package io.github.lora4j.kernel;

import io.github.lora4j.kernel.portable.PortableKernels;

/** The kernels that serve this process. */
public final class ActiveKernels {

  private static final Kernels ACTIVE = new PortableKernels();

  private ActiveKernels() {}

  /**
   * The kernels in use, chosen once.
   *
   * @return the same object at each call
   */
  public static Kernels get() {
    return ACTIVE;
  }
}
