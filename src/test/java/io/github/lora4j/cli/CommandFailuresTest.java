package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.MODEL;
import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static io.github.lora4j.cli.CommandRun.train;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong is one line that names it, an exit code, and nothing lost. */
class CommandFailuresTest {

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "--learning-rat, 1, --learning-rate",
    "--lrr, 1, --learning-rate",
    "--learning-rate, abc, abc",
    "--learning-rate, NaN, NaN",
    "--learning-rate, 1e999, 1e999",
    "--learning-rate, 0x1p3, 0x1p3",
    "--learning-rate, 1d, 1d",
    "--learning-rate, -1, -1",
    "--learning-rate, 0, above 0",
    "--learning-rate, 1e-60, --learning-rate: a number above 0",
    "--weight-decay, -0.1, at least 0",
    "--alpha, 0, above 0",
    "--lora-dropout, 1, '[0, 1)'",
    "--batch-size, 0, --batch-size",
    "--batch-size, x, --batch-size",
    "--epochs, 0, --epochs",
    "--rank, 0, --rank",
    "--rank, 99999999999, --rank",
    "--max-length, 65, --max-length: 1 to 64",
    "--pad, 65, --pad: 0 to 64",
    "--pad, some, longest",
    "--targets, nothing_has_this_name, nothing_has_this_name",
    "--targets, '(', --targets",
    "--qkv, both, --qkv",
    "--threads, 0, --threads",
    "--split, 0.7, 0.7",
    "--base-dtype, f16, 'expected one of [F32, BF16]'",
    "--task, sing, --task"
  })
  void wrongOptionIsOneLineThatNamesIt(String option, String value, String named)
      throws IOException {
    Path out = folder.resolve("run");
    String failure = train(messages(folder), out, option, value).failure(2);
    assertTrue(failure.contains(named), failure);
    assertFalse(Files.exists(out));
  }

  @Test
  void outputFolderIsNeverOverwrittenUnasked() throws IOException {
    Path data = messages(folder);
    Path adapter = folder.resolve("run");
    assertEquals(0, train(data, adapter).code());
    String failure = train(data, adapter).failure(2);
    assertTrue(failure.contains("--overwrite") && failure.contains(adapter.toString()), failure);
    CommandRun again = train(data, adapter, "--overwrite");
    assertEquals(0, again.code(), again.err());

    Path foreign = Files.createDirectory(folder.resolve("photos"));
    Files.writeString(foreign.resolve("holiday.txt"), "sea");
    assertTrue(train(data, foreign, "--overwrite").failure(2).contains("photos"));
    assertEquals("sea", Files.readString(foreign.resolve("holiday.txt")));

    train(data, data).failure(2);
    train(data, Path.of(MODEL), "--overwrite").failure(2);
  }

  @Test
  void folderThatCannotBeWrittenIsRefused() throws IOException {
    Path locked = Files.createDirectory(folder.resolve("locked"));
    assumeTrue(locked.toFile().setWritable(false) && !Files.isWritable(locked));
    train(messages(folder), locked.resolve("run")).failure(5);
  }

  @Test
  void folderThatCannotBeMadeIsRefusedBeforeTheModelIsLoaded() throws IOException {
    Path data = messages(folder);
    String below = train(data, data.resolve("run")).failure(2);
    assertTrue(below.contains("got the file " + data), below);
    assertTrue(train(data, Path.of("")).failure(2).contains("empty path"));
    assumeTrue(Files.isDirectory(Path.of("/proc/self")));
    assertTrue(train(data, Path.of("/proc/run")).failure(5).contains("/proc/run"));
  }

  @Test
  void wrongDataLeavesNoFolderBehind() throws IOException {
    Path out = folder.resolve("deep/run");
    train(folder.resolve("missing.tsv"), out).failure(5);
    assertFalse(Files.exists(folder.resolve("deep")));
  }

  @Test
  void optionsThatWouldBeIgnoredAreRefused() throws IOException {
    String data = messages(folder).toString();
    for (String option : List.of("--balance", "--split=0.5,0.2", "--data=" + data)) {
      String failure =
          run(
                  "train",
                  "--model",
                  MODEL,
                  option,
                  "--train",
                  data,
                  "--validation",
                  data,
                  "--test",
                  data)
              .failure(2);
      assertTrue(failure.contains(option.replaceAll("=.*", ":")), failure);
    }
    Path run = folder.resolve("run");
    assertTrue(
        train(text(folder), run, "--task", "lm", "--pad", "9").failure(2).contains("--pad:"));
    assertTrue(
        train(text(folder), run, "--task", "lm", "--balance").failure(2).contains("--balance:"));
  }

  @Test
  void badFilesHaveTheirExitCodes() throws IOException {
    Path out = folder.resolve("run");
    train(folder.resolve("missing.tsv"), out).failure(5);
    train(Files.writeString(folder.resolve("bad.tsv"), "no tab here\n"), out).failure(3);
    String data = messages(folder).toString();
    run("train", "--model", folder.resolve("none").toString(), "--data", data).failure(5);
    Path empty = Files.createDirectory(folder.resolve("empty"));
    run("predict", "--model", MODEL, "--adapter", empty.toString(), "x").failure(3);
    run("predict", "--model", MODEL, "--adapter", folder.resolve("no").toString(), "x").failure(5);
    run().failure(2);
    run("fly").failure(2);
  }

  @Test
  void badTokenIdsAreRefusedWithTheirPlace() throws IOException {
    Path out = folder.resolve("logits.safetensors");
    for (String bad :
        List.of(
            "[[1,2,\"x\"]]",
            "",
            "[]",
            "[[]]",
            "[1]",
            "[[1.5]]",
            "[[99999999999]]",
            "[[1",
            "[[1]] 2")) {
      Path ids = Files.writeString(folder.resolve("ids.json"), bad);
      String failure =
          run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString())
              .failure(3);
      assertTrue(failure.contains(ids + ": ") && failure.contains("line 1, column"), failure);
    }
    Path ids = Files.writeString(folder.resolve("ids.json"), "[[512]]");
    run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString()).failure(2);
  }

  @Test
  void embeddedMessagesAreNotForAClassifierOfOtherClasses() throws IOException {
    Path rows = Files.writeString(folder.resolve("ab.tsv"), "a\tx and y\nb\ty and x\n".repeat(8));
    Path adapter = folder.resolve("run");
    assertEquals(0, train(rows, adapter).code());
    String failure = run("evaluate", "--model", MODEL, "--adapter", adapter.toString()).failure(4);
    assertTrue(failure.contains("[a, b]") && failure.contains("--data"), failure);
  }
}
