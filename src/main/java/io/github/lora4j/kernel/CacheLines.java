package io.github.lora4j.kernel;

/** Where the elements of a float array lie in the lines of the cache. */
public final class CacheLines {

  /**
   * The first element that begins a line of 64 bytes, if the array does: elements follow a header
   * of 16 bytes. Large arrays begin at a line with G1, all of them with {@code
   * -XX:ObjectAlignmentInBytes=64}. A vector of 64 bytes from there, or a multiple of 16 elements
   * after it, is fetched at one go.
   */
  public static final int FIRST = 12;

  private CacheLines() {}
}
