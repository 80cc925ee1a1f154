package io.github.lora4j.error;

import java.io.IOException;

/**
 * A file or folder that cannot be used; the subclasses say why. The message names path, place and
 * code.
 */
public abstract class BadFileException extends IOException implements LoraException {

  private static final long serialVersionUID = 1L;

  /** The stable code of the fault. */
  private final String code;

  /** The file or folder at fault. */
  private final String path;

  /** The place in it, may be empty. */
  private final String location;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param path the file or folder at fault, as text
   * @param location the place in it, may be empty
   * @param problem what was expected, what was found, and the remedy
   */
  protected BadFileException(String code, String path, String location, String problem) {
    super(
        Excerpt.of(path)
            + ": "
            + problem
            + (location.isEmpty() ? " [" : " [" + Excerpt.of(location) + ", ")
            + code
            + "]");
    this.code = code;
    this.path = path;
    this.location = location;
  }

  @Override
  public String code() {
    return code;
  }

  @Override
  public String location() {
    return location;
  }

  /**
   * The file or folder at fault.
   *
   * @return its path as text
   */
  public String path() {
    return path;
  }
}
