package io.github.lora4j.cli;

/** What a model is for. */
enum Task {
  /** One class for a text. */
  CLASSIFY,
  /** The next token. */
  LM
}
