package io.github.lora4j.benchmark;

/**
 * What one call of a benchmark has to do, whatever way it takes.
 *
 * @param unit what is counted
 * @param amount how many of them
 * @param memory the bytes of the arrays that are touched; decides which bandwidth is the limit
 */
public record Work(Unit unit, double amount, double memory) {

  /** What limits a benchmark. */
  public enum Unit {
    /** Additions and multiplications; an fma is two. */
    FLOP,
    /** Bytes that are read or written. */
    BYTE
  }

  /**
   * The work of something limited by arithmetic.
   *
   * @param amount additions and multiplications of a call
   */
  public static Work flops(double amount) {
    return new Work(Unit.FLOP, amount, 0);
  }

  /**
   * The work of something limited by memory: every array passes once.
   *
   * @param floats the elements of an array
   * @param arrays how many arrays are read or written
   */
  public static Work floats(double floats, int arrays) {
    return floats(floats, arrays, arrays);
  }

  /**
   * The same where some arrays are both read and written.
   *
   * @param floats the elements of an array
   * @param passes how many times an array is read or written
   * @param arrays how many arrays there are
   */
  public static Work floats(double floats, int passes, int arrays) {
    return new Work(Unit.BYTE, Float.BYTES * floats * passes, Float.BYTES * floats * arrays);
  }
}
