package io.github.lora4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.safetensors.SafetensorsFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommandsTest {

  private static final String MODEL = Fixtures.folder().resolve("gpt2-tiny").toString();

  @TempDir Path folder;

  /** What a command printed, and its exit code. */
  private record Result(int code, String out, String err) {

    /** The one line on the error stream, if the command failed as it should. */
    String failure(int expected) {
      assertEquals(expected, code, err);
      assertEquals(1, err.lines().count(), err);
      assertTrue(err.startsWith("error: "), err);
      return err;
    }
  }

  private static Result run(List<String> arguments, String input) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        Main.run(
            new Output(new PrintWriter(out), new PrintWriter(err), false),
            new BufferedReader(new StringReader(input)),
            arguments.toArray(String[]::new));
    return new Result(code, out.toString(), err.toString());
  }

  private static Result run(String... arguments) {
    return run(List.of(arguments), "");
  }

  private static Result train(Path data, Path out, String... more) {
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

  private Path messages() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      rows.append("ham\tsee you at ").append(i).append('\n');
      rows.append("spam\tWIN ").append(i).append(" prizes!\n");
    }
    return Files.writeString(folder.resolve("messages.tsv"), rows);
  }

  private Path text() throws IOException {
    return Files.writeString(
        folder.resolve("text.txt"), "It was a dark night.\n\nThe rain fell. ".repeat(100));
  }

  @Test
  void trainedAdapterIsEvaluatedAndPredictsFromArgumentsAndStandardInput() throws IOException {
    Path adapter = folder.resolve("run");
    Result trained = train(messages(), adapter);
    assertEquals(0, trained.code(), trained.err());
    assertTrue(trained.out().contains("untrained, test"), trained.out());
    Map<String, Object> metrics = Fixtures.asMap(Fixtures.value(adapter.resolve("metrics.json")));
    for (String key :
        List.of(
            "trainable_parameters",
            "total_parameters",
            "seconds",
            "tokens_per_s",
            "seed",
            "kernels",
            "train",
            "validation",
            "test",
            "history")) {
      assertTrue(metrics.containsKey(key), key);
    }

    Result evaluated =
        run(
            "evaluate",
            "--model",
            MODEL,
            "--adapter",
            adapter.toString(),
            "--data",
            folder.resolve("messages.tsv").toString());
    assertEquals(0, evaluated.code(), evaluated.err());
    assertTrue(evaluated.out().contains("ham taken for ham "), evaluated.out());

    List<String> predict = List.of("predict", "--model", MODEL, "--adapter", adapter.toString());
    List<String> withTexts = new ArrayList<>(predict);
    withTexts.addAll(List.of("WIN 3 prizes!", "see you"));
    Result fromArguments = run(withTexts, "");
    assertEquals(0, fromArguments.code(), fromArguments.err());
    assertEquals(2, fromArguments.out().lines().count());
    assertEquals(fromArguments, run(predict, "WIN 3 prizes!\n\nsee you\n"));
  }

  @Test
  void leakedTestTextsAreNamedBesideTheAccuracy() throws IOException {
    String data = messages().toString();
    Result result =
        run(
            "train",
            "--model",
            MODEL,
            "--train",
            data,
            "--validation",
            data,
            "--test",
            data,
            "--rank",
            "2",
            "--epochs",
            "1",
            "--out",
            folder.resolve("run").toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("(40 of them also in train)"), result.out());
  }

  @Test
  void languageModelIsFinetunedAndReportsPerplexity() throws IOException {
    Path adapter = folder.resolve("run");
    Result result =
        train(text(), adapter, "--task", "lm", "--max-length", "16", "--recipe", "book");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("perplexity"), result.out());
    Path ids = Files.writeString(folder.resolve("ids.json"), "[[1,2,3],[4,5,6]]");
    Path out = folder.resolve("logits.safetensors");
    assertEquals(
        0,
        run(
                "logits",
                "--model",
                MODEL,
                "--adapter",
                adapter.toString(),
                "--ids",
                ids.toString(),
                "--out",
                out.toString())
            .code());
    assertEquals(2 * 3 * 512, SafetensorsFile.open(out).readFloats("logits").length);
  }

  @Test
  void pretrainWritesAModelThatLoads() throws IOException {
    Path model = folder.resolve("model");
    Result result =
        run(
            "pretrain",
            "--text",
            text().toString(),
            "--config",
            MODEL + "/config.json",
            "--out",
            model.toString(),
            "--steps",
            "3",
            "--warmup",
            "1",
            "--batch-size",
            "2");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("3 steps"), result.out());
    Result inspected = run("inspect", "--model", model.toString());
    assertEquals(0, inspected.code(), inspected.err());
    assertTrue(Files.exists(model.resolve("merges.txt")));
  }

  @Test
  void inspectPrintsTheTreeAndCountsEveryNumberOnce() {
    Result result = run("inspect", "--model", MODEL, "--classes", "2", "--rank", "16");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().startsWith("Gpt2Classifier("), result.out());
    // Per block: 3 of (48, 48), (48, 48), (48, 192), (192, 48); the head (48, 2).
    int trained = 16 * (3 * (4 * 96 + 2 * 240) + 50);
    assertTrue(result.out().contains("%,15d".formatted(trained)), result.out());
  }

  @Test
  void benchPrintsOneJsonLine() throws IOException {
    for (String task : List.of("classify", "lm")) {
      Result result =
          run(
              "bench",
              "--model",
              MODEL,
              "--task",
              task,
              "--batch",
              "2",
              "--tokens",
              "5",
              "--steps",
              "2",
              "--warmup",
              "0",
              "--all-positions");
      assertEquals(0, result.code(), result.err());
      assertEquals(1, result.out().lines().count());
      Path line = Files.writeString(folder.resolve("line.json"), result.out());
      Map<String, Object> fields = Fixtures.asMap(Fixtures.value(line));
      assertTrue(fields.get("system").toString().startsWith("lora4j"));
      for (String field :
          List.of(
              "batch",
              "tokens",
              "rank",
              "trainable_parameters",
              "median_step_s",
              "min_step_s",
              "tokens_per_s",
              "peak_rss_mib")) {
        assertTrue(fields.containsKey(field), field);
      }
    }
  }

  @Test
  void logitsOfUnequalLengthsAreTensorsOfTheirOwn() throws IOException {
    Path ids = Files.writeString(folder.resolve("ids.json"), "[[1,2,3],[4,5]]");
    Path out = folder.resolve("logits.safetensors");
    Result result =
        run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString());
    assertEquals(0, result.code(), result.err());
    SafetensorsFile file = SafetensorsFile.open(out);
    assertEquals(3 * 512, file.readFloats("logits.0").length);
    assertEquals(2 * 512, file.readFloats("logits.1").length);
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
      Files.writeString(ids, bad);
      String failure =
          run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString())
              .failure(3);
      assertTrue(failure.contains(ids + ": ") && failure.contains("line 1, column"), failure);
    }
    Files.writeString(ids, "[[512]]");
    run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString()).failure(2);
  }

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
    "--task, sing, --task"
  })
  void wrongOptionIsOneLineThatNamesIt(String option, String value, String named)
      throws IOException {
    Path out = folder.resolve("run");
    String failure = train(messages(), out, option, value).failure(2);
    assertTrue(failure.contains(named), failure);
    assertFalse(Files.exists(out));
  }

  @Test
  void outputFolderIsNeverOverwrittenUnasked() throws IOException {
    Path data = messages();
    Path adapter = folder.resolve("run");
    assertEquals(0, train(data, adapter).code());
    String failure = train(data, adapter).failure(2);
    assertTrue(failure.contains("--overwrite") && failure.contains(adapter.toString()), failure);
    Result again = train(data, adapter, "--overwrite");
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
    train(messages(), locked.resolve("run")).failure(5);
  }

  @Test
  void folderThatCannotBeMadeIsRefusedBeforeTheModelIsLoaded() throws IOException {
    Path data = messages();
    String below = train(data, data.resolve("run")).failure(2);
    assertTrue(below.contains("got the file " + data), below);
    assertTrue(train(data, Path.of("")).failure(2).contains("empty path"));
    assumeTrue(Files.isDirectory(Path.of("/proc/self")));
    assertTrue(train(data, Path.of("/proc/run")).failure(5).contains("/proc/run"));
  }

  @Test
  void headAloneCanBeATarget() throws IOException {
    Result result = train(messages(), folder.resolve("run"), "--targets", "score");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("1 Linear adapted"), result.out());
  }

  @Test
  void wrongDataLeavesNoFolderBehind() throws IOException {
    Path out = folder.resolve("deep/run");
    train(folder.resolve("missing.tsv"), out).failure(5);
    assertFalse(Files.exists(folder.resolve("deep")));
  }

  @Test
  void optionsThatWouldBeIgnoredAreRefused() throws IOException {
    String data = messages().toString();
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
    assertTrue(train(text(), run, "--task", "lm", "--pad", "9").failure(2).contains("--pad:"));
    assertTrue(train(text(), run, "--task", "lm", "--balance").failure(2).contains("--balance:"));
  }

  @Test
  void badFilesHaveTheirExitCodes() throws IOException {
    Path out = folder.resolve("run");
    train(folder.resolve("missing.tsv"), out).failure(5);
    train(Files.writeString(folder.resolve("bad.tsv"), "no tab here\n"), out).failure(3);
    String data = messages().toString();
    run("train", "--model", folder.resolve("none").toString(), "--data", data).failure(5);
    Path empty = Files.createDirectory(folder.resolve("empty"));
    run("predict", "--model", MODEL, "--adapter", empty.toString(), "x").failure(3);
    run("predict", "--model", MODEL, "--adapter", folder.resolve("no").toString(), "x").failure(5);
    run().failure(2);
    run("fly").failure(2);
  }

  @Test
  void helpIsPrintedForEveryCommand() {
    for (String command :
        List.of("train", "evaluate", "predict", "inspect", "logits", "bench", "pretrain")) {
      Result result = run(command, "--help");
      assertEquals(0, result.code());
      assertTrue(result.out().contains("Usage: lora4j " + command), result.out());
    }
  }

  @Test
  void embeddedModelLoadsIfItIsThere() {
    assumeTrue(EmbeddedModel.exists());
    Result result = run("inspect");
    assertEquals(0, result.code(), result.err());
  }
}
