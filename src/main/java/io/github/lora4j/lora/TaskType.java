package io.github.lora4j.lora;

/** What an adapted model answers with, in PEFT's words. */
public enum TaskType {
  /** Sequence classification: one class for a text. */
  SEQ_CLS,
  /** Language modelling: the next token. */
  CAUSAL_LM
}
