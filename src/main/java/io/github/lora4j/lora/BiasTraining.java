package io.github.lora4j.lora;

/** Which biases are trained along with the branches. */
public enum BiasTraining {

  /** None. */
  NONE,

  /** Those of the adapted layers. */
  LORA_ONLY,

  /** Those of every Linear in a slot. PEFT would also train those of the norms. */
  ALL
}
