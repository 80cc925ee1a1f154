package io.github.lora4j.nn;

import org.jspecify.annotations.Nullable;

/**
 * Where a weight comes from in the published files of its model: which rows, outputs, of which
 * module. Adapter files name modules so, whatever the layout in memory.
 *
 * @param name the path of the module in the published model, such as {@code h.0.attn.c_attn}
 * @param firstRow the first of its outputs that this weight holds
 * @param rows how many of its outputs this weight holds
 * @param sha256 the SHA-256 of the whole published weight, 64 hexadecimal digits in lower case, or
 *     null if it was read from no file. It is taken of the elements as they stand in the file, in
 *     its order, as float32 little-endian, so it is the same for any layout or format in memory. It
 *     tells what was read, and stays if the weight is trained afterwards
 */
public record Origin(String name, int firstRow, int rows, @Nullable String sha256) {

  private static final int DIGITS = 64;

  /** Checks the rows and the digits. */
  public Origin {
    if (firstRow < 0 || rows < 1) {
      throw new IllegalArgumentException(
          "origin: rows from 0 and at least one of them expected, got %d rows from %d of %s"
              .formatted(rows, firstRow, name));
    }
    if (sha256 != null && !isDigest(sha256)) {
      throw new IllegalArgumentException(
          "origin: a SHA-256 of %d hexadecimal digits in lower case expected, got '%s' for %s"
              .formatted(DIGITS, sha256, name));
    }
  }

  /**
   * An origin whose weight was read from no file.
   *
   * @param name the path of the module in the published model
   * @param firstRow the first of its outputs that this weight holds
   * @param rows how many of its outputs this weight holds
   */
  public Origin(String name, int firstRow, int rows) {
    this(name, firstRow, rows, null);
  }

  /**
   * The same place in a weight that was read from a file.
   *
   * @param digest the SHA-256 of the whole published weight, in lower case
   * @return a copy
   */
  public Origin withSha256(String digest) {
    return new Origin(name, firstRow, rows, digest);
  }

  private static boolean isDigest(String text) {
    return text.length() == DIGITS
        && text.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
  }
}
