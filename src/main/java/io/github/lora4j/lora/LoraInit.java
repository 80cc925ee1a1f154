package io.github.lora4j.lora;

import io.github.lora4j.tensor.CounterRandom;

/**
 * How A starts. B always starts at zero, so that an adapted model first equals its base; were A
 * zero too, no gradient would ever leave zero.
 */
public enum LoraInit {

  /** Uniform in {@code [-1/sqrt(in), 1/sqrt(in))}, as PEFT and loralib draw it. */
  PEFT {
    @Override
    double bound(int inFeatures, int rank) {
      return 1 / Math.sqrt(inFeatures);
    }
  },

  /**
   * Uniform in {@code [-1/sqrt(rank), 1/sqrt(rank))}, as in appendix E of Raschka, "Build a Large
   * Language Model (From Scratch)": A is several times larger than PEFT's, and loss curves from
   * there need it.
   */
  BOOK {
    @Override
    double bound(int inFeatures, int rank) {
      return 1 / Math.sqrt(rank);
    }
  };

  abstract double bound(int inFeatures, int rank);

  /** Draws A, {@code (in, rank)}, as a function of the key alone. */
  void fill(long key, int inFeatures, int rank, float[] a) {
    CounterRandom.fillUniform(key, (float) bound(inFeatures, rank), a);
  }
}
