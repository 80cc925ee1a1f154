package io.github.lora4j.lora;

import io.github.lora4j.error.FormatException;

/** An adapter whose files are damaged, or do not belong together. */
public class AdapterFormatException extends FormatException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public AdapterFormatException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
