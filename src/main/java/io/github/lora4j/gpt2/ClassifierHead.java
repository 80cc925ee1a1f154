package io.github.lora4j.gpt2;

/** The kind of a classifier's last layer. */
public enum ClassifierHead {
  /**
   * A Linear with a bias whose random weight stays frozen and is trained through a LoRA on it, as in "Build a
   * Large Language Model (From Scratch)", appendix E. The bias starts at 0 and stays so.
   */
  LORA,
  /** A Linear without a bias that is trained in full, as transformers and PEFT have it. */
  FULL
}
