package io.github.lora4j.safetensors;

import io.github.lora4j.error.FormatException;

/**
 * A file that is not a well-formed safetensors file, or a shard index that does not fit its shards.
 */
public class SafetensorsFormatException extends FormatException {

  private static final long serialVersionUID = 1L;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  public SafetensorsFormatException(String code, String path, String location, String problem) {
    super(code, path, location, problem);
  }
}
