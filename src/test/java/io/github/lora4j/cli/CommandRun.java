package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One run of the command line in this process: what it printed, and its exit code. */
record CommandRun(int code, String out, String err) {

  static final String MODEL = Fixtures.folder().resolve("gpt2-tiny").toString();

  /** The one line on the error stream, if the command failed as it should. */
  String failure(int expected) {
    assertEquals(expected, code, err);
    assertEquals(1, err.lines().count(), err);
    assertTrue(err.startsWith("error: "), err);
    return err;
  }

  static CommandRun run(List<String> arguments, String input) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        Main.run(
            new Output(new PrintWriter(out), new PrintWriter(err), false),
            new BufferedReader(new StringReader(input)),
            arguments.toArray(String[]::new));
    return new CommandRun(code, out.toString(), err.toString());
  }

  static CommandRun run(String... arguments) {
    return run(List.of(arguments), "");
  }

  static CommandRun train(Path data, Path out, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "train",
                "--model",
                MODEL,
                "--data",
                data.toString(),
                "--out",
                out.toString(),
                "--rank",
                "2",
                "--epochs",
                "1"));
    arguments.addAll(List.of(more));
    return run(arguments, "");
  }

  static Path messages(Path folder) throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      rows.append("ham\tsee you at ").append(i).append('\n');
      rows.append("spam\tWIN ").append(i).append(" prizes!\n");
    }
    return Files.writeString(folder.resolve("messages.tsv"), rows);
  }

  static Path text(Path folder) throws IOException {
    return Files.writeString(
        folder.resolve("text.txt"), "It was a dark night.\n\nThe rain fell. ".repeat(100));
  }
}
