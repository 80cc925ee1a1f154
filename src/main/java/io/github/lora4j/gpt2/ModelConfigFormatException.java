package io.github.lora4j.gpt2;

import io.github.lora4j.error.FormatException;

/** A {@code config.json} that is malformed or describes no possible model. */
public class ModelConfigFormatException extends FormatException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public ModelConfigFormatException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
