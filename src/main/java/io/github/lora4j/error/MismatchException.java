package io.github.lora4j.error;

/**
 * Two things that are valid each by itself and do not fit together, such as an adapter and another
 * model.
 */
public class MismatchException extends BadFileException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public MismatchException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
