package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/** Kernels that look, when they are made, whether they run as well as they should. */
public interface SelfChecking {

  /**
   * What was found. It is only told: a timing must not decide which kernels run, because that
   * decides the bits of every result.
   *
   * @return a sentence with the remedy, or null if all is well
   */
  @Nullable String complaint();
}
