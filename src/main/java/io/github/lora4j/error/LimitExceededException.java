package io.github.lora4j.error;

/**
 * A file that is larger, deeper or longer than a safety limit allows; the message names limit and
 * found value.
 */
public class LimitExceededException extends FormatException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public LimitExceededException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
