package io.github.lora4j.lora;

/** Which biases of the base are trained beside the branches, in PEFT's words. */
public enum BiasTraining {
  /** None: every bias stays as it is in the base. */
  NONE,
  /** The biases of the adapted layers. */
  LORA_ONLY,
  /** All biases of the model, those of layer norms among them. */
  ALL
}
