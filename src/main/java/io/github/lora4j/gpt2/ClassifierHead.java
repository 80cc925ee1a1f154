package io.github.lora4j.gpt2;

/** What a new classifier's {@code score} layer is like. */
public enum ClassifierHead {
  /**
   * Random and frozen, trained by LoRA like every other Linear, as in "Build a Large Language Model
   * (From Scratch)", appendix E: a weight uniform in {@code [-1/sqrt(C), 1/sqrt(C)]} and a bias of
   * zeros.
   */
  LORA,
  /**
   * Trained in full and without bias, as transformers and PEFT have it: a weight from a normal
   * distribution with mean 0 and deviation 0.02.
   */
  FULL
}
