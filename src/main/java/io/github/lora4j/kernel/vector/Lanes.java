package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The one species of this process, and what is done across the lanes of a vector. That takes the
 * lanes from an array of the caller: a vector that crosses a call is boxed where the compiler does
 * not inline the call.
 */
final class Lanes {

  /** The widest vectors of the machine. */
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /**
   * The class of the vectors. A cast to it tells the compiler what it knows of a vector that comes
   * out of a loop only by profiles: see {@link WideTiles}.
   */
  static final Class<? extends FloatVector> TYPE =
      SPECIES.vectorType().asSubclass(FloatVector.class);

  /** Floats in a vector. */
  static final int COUNT = SPECIES.length();

  private Lanes() {}

  /**
   * The sum of lanes as a tree of fixed form: halves are added to halves.
   *
   * @param lanes {@code (COUNT)}; modified
   */
  static float sum(float[] lanes) {
    for (int half = COUNT / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }

  /**
   * The largest lane, not a number if any is.
   *
   * @param lanes {@code (COUNT)}
   */
  static float max(float[] lanes) {
    float max = lanes[0];
    for (int i = 1; i < COUNT; i++) {
      max = Math.max(max, lanes[i]);
    }
    return max;
  }
}
