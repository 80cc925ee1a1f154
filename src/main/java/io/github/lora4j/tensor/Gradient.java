package io.github.lora4j.tensor;

import io.github.lora4j.kernel.Elementwise;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where the gradient of one tensor is gathered. It is an object of its own so that the tape can
 * refer to it without keeping the tensor's data alive.
 */
final class Gradient {

  /** Writes a gradient into an array that is to be overwritten or added to. */
  @FunctionalInterface
  interface Writer {
    void write(float[] target, boolean accumulate);
  }

  private final int length;
  private final @Nullable Tape tape;
  private float @Nullable [] values;

  /** The array of a gradient that was forgotten, for the next one; of parameters only. */
  private float @Nullable [] spare;

  /**
   * @param length the number of elements
   * @param tape whose memory the gradient of an activation uses; null for a parameter, whose
   *     gradient outlives the step
   */
  Gradient(int length, @Nullable Tape tape) {
    this.length = length;
    this.tape = tape;
  }

  float @Nullable [] values() {
    return values;
  }

  /** Lets a kernel overwrite the gradient if there is none yet, else add to it. */
  void write(Writer writer) {
    float[] present = values;
    if (present != null) {
      writer.write(present, true);
    } else {
      float[] fresh = fresh();
      writer.write(fresh, false);
      values = fresh;
    }
  }

  /** The array to add to, zeros at first. */
  float[] zerosOrPresent() {
    float[] present = values;
    if (present == null) {
      present = fresh();
      Arrays.fill(present, 0, length, 0f);
      values = present;
    }
    return present;
  }

  /** A new array, all of which the caller will overwrite; there must be no gradient yet. */
  float[] toOverwrite() {
    float[] fresh = fresh();
    values = fresh;
    return fresh;
  }

  private float[] fresh() {
    float[] kept = spare;
    spare = null;
    return kept == null ? Tape.array(tape, length) : kept;
  }

  /** Adds an array that the caller goes on using. */
  void add(float[] summand) {
    write(
        (target, accumulate) -> {
          if (accumulate) {
            Elementwise.add(target, summand, target, length);
          } else {
            System.arraycopy(summand, 0, target, 0, length);
          }
        });
  }

  /**
   * Adds an array of the tape's that nobody will use or change after this call; it may become the
   * gradient itself.
   */
  void addOwned(float[] summand) {
    if (values == null && tape != null) {
      values = summand;
    } else {
      add(summand);
      Tape.giveBack(tape, summand);
    }
  }

  /** Forgets the gradient of a parameter; the next one is gathered in the same array. */
  void clear() {
    if (values != null) {
      spare = values;
      values = null;
    }
  }

  /** Gives the gradient away and forgets it. */
  float @Nullable [] take() {
    float[] taken = values;
    values = null;
    return taken;
  }
}
