package io.github.lora4j.lora;

/** What the product of a branch is multiplied by. */
public enum LoraScaling {

  /** {@code alpha / rank} (Hu et al. 2021). */
  LORA {
    @Override
    float factor(float alpha, int rank) {
      return alpha / rank;
    }

    @Override
    float alpha(float factor, int rank) {
      return factor * rank;
    }
  },

  /**
   * {@code alpha / sqrt(rank)} (rsLoRA, Kalajdzievski 2023): the outcome neither vanishes nor
   * explodes as the rank grows.
   */
  RSLORA {
    @Override
    float factor(float alpha, int rank) {
      return (float) (alpha / Math.sqrt(rank));
    }

    @Override
    float alpha(float factor, int rank) {
      return (float) (factor * Math.sqrt(rank));
    }
  };

  abstract float factor(float alpha, int rank);

  /** The alpha that gives a factor. */
  abstract float alpha(float factor, int rank);
}
