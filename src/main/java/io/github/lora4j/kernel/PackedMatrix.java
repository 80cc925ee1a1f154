package io.github.lora4j.kernel;

/**
 * A weight {@code (out, in)} that no longer changes, in the layout its kernels read fastest. Made
 * by {@link Kernels#pack} and usable with those kernels only. Immutable, safe to share between
 * threads and models.
 */
public interface PackedMatrix {

  /**
   * The number of rows of the weight.
   *
   * @return the output features
   */
  int rows();

  /**
   * The number of columns of the weight.
   *
   * @return the input features
   */
  int columns();
}
