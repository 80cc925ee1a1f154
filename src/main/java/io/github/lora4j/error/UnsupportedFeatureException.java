package io.github.lora4j.error;

/** A valid file that asks for something this library does not do. */
public class UnsupportedFeatureException extends BadFileException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public UnsupportedFeatureException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
