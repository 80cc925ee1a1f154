package io.github.lora4j.nn;

/**
 * Where a weight comes from in the published files of its model: which rows, outputs, of which
 * module. Adapter files name modules so, whatever the layout in memory.
 *
 * @param name the path of the module in the published model, such as {@code h.0.attn.c_attn}
 * @param firstRow the first of its outputs that this weight holds
 * @param rows how many of its outputs this weight holds
 */
public record Origin(String name, int firstRow, int rows) {

  /** Checks the rows. */
  public Origin {
    if (firstRow < 0 || rows < 1) {
      throw new IllegalArgumentException(
          "origin: rows from 0 and at least one of them expected, got %d rows from %d of %s"
              .formatted(rows, firstRow, name));
    }
  }
}
