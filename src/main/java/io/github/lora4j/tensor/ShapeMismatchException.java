package io.github.lora4j.tensor;

/** Tensors whose shapes do not fit the operation they were given to: a mistake of the caller. */
public class ShapeMismatchException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the mistake.
   *
   * @param message the operation, what it expects and the shapes it got
   */
  public ShapeMismatchException(String message) {
    super(message);
  }
}
