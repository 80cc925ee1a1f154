package io.github.lora4j.cli;

import io.github.lora4j.kernel.Parallel;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that every command has that computes. */
final class ThreadsOption {

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads to compute with; results do not depend on it (default: all processors).")
  private @Nullable Integer threads;

  void apply() {
    if (threads != null) {
      Require.range("--threads", threads, 1, 1024);
      Parallel.setThreads(threads);
    }
  }
}
