package io.github.lora4j.text;

import io.github.lora4j.error.FormatException;

/** A {@code vocab.json} or {@code merges.txt} that breaks the format. */
public final class TokenizerFormatException extends FormatException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public TokenizerFormatException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
