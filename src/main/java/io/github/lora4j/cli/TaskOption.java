package io.github.lora4j.cli;

import picocli.CommandLine.Option;

/** The option that chooses between classifier and language model. */
final class TaskOption {

  @Option(
      names = "--task",
      paramLabel = "classify|lm",
      description = "classify: one class for a text; lm: the next token.")
  private Task task = Task.CLASSIFY;

  Task task() {
    return task;
  }
}
