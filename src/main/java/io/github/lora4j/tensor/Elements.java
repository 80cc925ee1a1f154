package io.github.lora4j.tensor;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of one tensor. They are an object of their own so that they can be let go between the
 * forward and the backward pass and computed again.
 */
final class Elements {

  private final int count;
  private final @Nullable Tape tape;
  private final @Nullable Consumer<float[]> recipe;
  private float @Nullable [] array;

  /**
   * @param array at least {@code count} long
   * @param count the number of elements
   * @param tape whose memory the array is, or null
   * @param recipe writes the elements again, or null if they cannot be computed from what is kept
   *     anyway
   */
  Elements(float[] array, int count, @Nullable Tape tape, @Nullable Consumer<float[]> recipe) {
    this.array = array;
    this.count = count;
    this.tape = tape;
    this.recipe = recipe;
  }

  /** The array that holds them, computed again if they were let go. */
  float[] get() {
    float[] present = array;
    if (present == null) {
      present = Tape.array(tape, count);
      if (recipe != null) {
        recipe.accept(present);
      }
      array = present;
    }
    return present;
  }

  /** Lets go of what can be computed again. */
  void forget() {
    float[] present = array;
    if (recipe != null && present != null) {
      Tape.giveBack(tape, present);
      array = null;
    }
  }

  /** Gives the array back for good, or until it is computed again. */
  void release() {
    float[] present = array;
    if (present != null && Tape.giveBack(tape, present)) {
      array = null;
    }
  }
}
