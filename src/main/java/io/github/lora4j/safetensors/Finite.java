package io.github.lora4j.safetensors;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.NonFiniteException;
import java.io.IOException;
import java.util.Objects;

/** Looks for NaN and infinity among the elements of a tensor. */
final class Finite {

  private static final int BLOCK = 1 << 16;

  private Finite() {}

  /**
   * Whether all of these elements are finite: only then is each of them 0 when multiplied by 0, and
   * so are the sums. Four of them, since a processor begins an addition before the last has ended.
   */
  static boolean all(float[] values, int from, int count) {
    int end = from + count;
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    int i = from;
    for (; i <= end - 4; i += 4) {
      sum0 += values[i] * 0;
      sum1 += values[i + 1] * 0;
      sum2 += values[i + 2] * 0;
      sum3 += values[i + 3] * 0;
    }
    for (; i < end; i++) {
      sum0 += values[i] * 0;
    }
    return sum0 + sum1 + sum2 + sum3 == 0;
  }

  /** What to throw for a tensor of which some elements are known not to be finite. */
  static NonFiniteException failure(TensorSource source, String name) throws IOException {
    long elements = Objects.requireNonNull(source.tensors().get(name)).elements();
    float[] block = new float[(int) Math.min(BLOCK, elements)];
    long count = 0;
    long first = 0;
    float example = Float.NaN;
    for (long from = 0; from < elements; from += block.length) {
      int length = (int) Math.min(block.length, elements - from);
      source.readFloats(name, from, length, block, 0);
      for (int i = 0; i < length; i++) {
        if (!Float.isFinite(block[i])) {
          first = count == 0 ? from + i : first;
          example = count == 0 ? block[i] : example;
          count++;
        }
      }
    }
    return new NonFiniteException(
        "ST-39",
        "tensor " + name,
        Excerpt.of(source.path(name))
            + ": all numbers must be finite, got "
            + count
            + " of "
            + elements
            + " that are not, the first, "
            + example
            + ", at index "
            + first
            + " (a damaged file or a diverged run)");
  }
}
