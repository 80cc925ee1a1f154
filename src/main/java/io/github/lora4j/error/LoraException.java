package io.github.lora4j.error;

/** What every exception of this library says besides its message. */
public interface LoraException {

  /**
   * The stable, short code of the fault, for programs and for searching, such as {@code "ST-27"}.
   *
   * @return the code, never empty
   */
  String code();

  /**
   * Where the fault is: a byte offset, a line and column, a JSON pointer, a tensor's name or a
   * step.
   *
   * @return the place, empty if the whole file or run is at fault
   */
  String location();
}
