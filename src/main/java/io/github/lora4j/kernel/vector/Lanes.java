package io.github.lora4j.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The one species of this process. */
final class Lanes {

  /** The widest vectors of the machine. */
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /** Floats in a vector. */
  static final int COUNT = SPECIES.length();

  private Lanes() {}

  /** The sum of a vector's lanes as a tree of fixed form: halves are added to halves. */
  static float sum(FloatVector vector) {
    float[] lanes = new float[COUNT];
    vector.intoArray(lanes, 0);
    for (int half = COUNT / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
