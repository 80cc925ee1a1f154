package io.github.lora4j.kernel;

/**
 * A weight {@code (out, in)} that no longer changes, in the layout its kernels read fastest. Made
 * by {@link Kernels#pack} and usable with those kernels only. Safe to share between threads and
 * models, as long as the elements of the weight it was made of do not change.
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
