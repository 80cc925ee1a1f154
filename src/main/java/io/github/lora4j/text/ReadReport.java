package io.github.lora4j.text;

import java.util.List;

/**
 * What happened while a data file was read.
 *
 * @param rows the rows of the file, those left out included
 * @param skippedRows how many were left out: bad rows, if asked to skip them, and rows without text
 * @param firstSkipped place and code of the first ten of them
 * @param damagedTexts how many texts hold U+FFFD, the sign of an earlier conversion that failed
 */
public record ReadReport(int rows, int skippedRows, List<String> firstSkipped, int damagedTexts) {

  /** Copies the list. */
  public ReadReport {
    firstSkipped = List.copyOf(firstSkipped);
  }
}
