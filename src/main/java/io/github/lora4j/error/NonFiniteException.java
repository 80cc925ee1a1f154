package io.github.lora4j.error;

/**
 * A number that is NaN or infinite where only finite numbers can be right: a diverged run or a
 * damaged weight.
 */
public class NonFiniteException extends RuntimeException implements LoraException {

  private static final long serialVersionUID = 1L;

  /** The stable code of the fault. */
  private final String code;

  /** The tensor, step or batch that holds the number. */
  private final String location;

  /**
   * Describes the fault.
   *
   * @param code the stable code of the fault
   * @param location the tensor, step or batch that holds the number
   * @param problem what was found, and the remedy
   */
  public NonFiniteException(String code, String location, String problem) {
    super(problem + " [" + Excerpt.of(location) + ", " + code + "]");
    this.code = code;
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
}
