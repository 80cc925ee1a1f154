package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.MODEL;
import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static io.github.lora4j.cli.CommandRun.train;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command does what it is for. */
class CommandsTest {

  @TempDir Path folder;

  @Test
  void trainedAdapterIsEvaluatedAndPredictsFromArgumentsAndStandardInput() throws IOException {
    Path adapter = folder.resolve("run");
    CommandRun trained = train(messages(folder), adapter);
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

    CommandRun evaluated =
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
    CommandRun fromArguments = run(withTexts, "");
    assertEquals(0, fromArguments.code(), fromArguments.err());
    assertEquals(2, fromArguments.out().lines().count());
    assertEquals(fromArguments, run(predict, "WIN 3 prizes!\n\nsee you\n"));
  }

  @Test
  void leakedTestTextsAreNamedBesideTheAccuracy() throws IOException {
    String data = messages(folder).toString();
    CommandRun result =
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
    CommandRun result =
        train(text(folder), adapter, "--task", "lm", "--max-length", "16", "--recipe", "book");
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
    CommandRun result =
        run(
            "pretrain",
            "--text",
            text(folder).toString(),
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
    CommandRun inspected = run("inspect", "--model", model.toString());
    assertEquals(0, inspected.code(), inspected.err());
    assertTrue(Files.exists(model.resolve("merges.txt")));
  }

  @Test
  void inspectPrintsTheTreeAndCountsEveryNumberOnce() {
    CommandRun result = run("inspect", "--model", MODEL, "--classes", "2", "--rank", "16");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().startsWith("Gpt2Classifier("), result.out());
    // Per block: 3 of (48, 48), (48, 48), (48, 192), (192, 48); the head (48, 2).
    int trained = 16 * (3 * (4 * 96 + 2 * 240) + 50);
    assertTrue(result.out().contains("%,15d".formatted(trained)), result.out());
  }

  @Test
  void benchPrintsOneJsonLine() throws IOException {
    for (String task : List.of("classify", "lm")) {
      CommandRun result =
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
    CommandRun result =
        run("logits", "--model", MODEL, "--ids", ids.toString(), "--out", out.toString());
    assertEquals(0, result.code(), result.err());
    SafetensorsFile file = SafetensorsFile.open(out);
    assertEquals(3 * 512, file.readFloats("logits.0").length);
    assertEquals(2 * 512, file.readFloats("logits.1").length);
  }

  @Test
  void everyCommandHoldsTheBaseAsBfloatsOnRequest() throws IOException {
    Path adapter = folder.resolve("run");
    CommandRun trained = train(messages(folder), adapter, "--base-dtype", "bf16");
    assertEquals(0, trained.code(), trained.err());
    assertTrue(trained.out().contains("frozen weights in bfloat16"), trained.out());
    Path ids = Files.writeString(folder.resolve("ids.json"), "[[1,2,3],[4,5,6]]");
    List<float[]> logits = new ArrayList<>();
    for (String type : List.of("f32", "BF16")) {
      List<String> base = List.of("--model", MODEL, "--base-dtype", type);
      String data = folder.resolve("messages.tsv").toString();
      String from = adapter.toString();
      Path out = folder.resolve(type);
      String file = out.toString();
      for (List<String> command :
          List.of(
              List.of("evaluate", "--adapter", from, "--data", data),
              List.of("predict", "--adapter", from, "see you"),
              List.of("inspect", "--rank", "2"),
              List.of("bench", "--batch", "1", "--tokens", "4", "--steps", "1", "--warmup", "0"),
              List.of("logits", "--adapter", from, "--ids", ids.toString(), "--out", file),
              List.of("logits", "--ids", ids.toString(), "--out", file))) {
        List<String> arguments = new ArrayList<>(command);
        arguments.addAll(base);
        CommandRun result = run(arguments, "");
        assertEquals(0, result.code(), result.err());
        if (command.get(0).equals("bench")) {
          String name = type.equals("f32") ? "float32" : "bfloat16";
          assertTrue(result.out().contains(name), result.out());
        }
      }
      logits.add(SafetensorsFile.open(out).readFloats("logits"));
    }
    double largest = 0;
    for (int i = 0; i < logits.get(0).length; i++) {
      largest = Math.max(largest, Math.abs(logits.get(0)[i] - logits.get(1)[i]));
    }
    assertTrue(largest > 0 && largest < 0.1, "" + largest);
  }

  @Test
  void headAloneCanBeATarget() throws IOException {
    CommandRun result = train(messages(folder), folder.resolve("run"), "--targets", "score");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("1 Linear adapted"), result.out());
  }

  @Test
  void benchBreaksAStepDown() {
    CommandRun result =
        run(
            "bench",
            "--model",
            MODEL,
            "--batch",
            "2",
            "--tokens",
            "5",
            "--steps",
            "2",
            "--warmup",
            "1",
            "--breakdown");
    assertEquals(0, result.code(), result.err());
    for (String row :
        List.of("forward", "backward", "optimizer", "linear", "attention", "gelu", "the rest")) {
      assertTrue(result.out().lines().anyMatch(line -> line.startsWith(row + " ")), row);
    }
  }

  @Test
  void helpIsPrintedForEveryCommand() {
    for (String command :
        List.of("train", "evaluate", "predict", "inspect", "logits", "bench", "pretrain")) {
      CommandRun result = run(command, "--help");
      assertEquals(0, result.code());
      assertTrue(result.out().contains("Usage: lora4j " + command), result.out());
    }
  }

  @Test
  void embeddedModelLoadsIfItIsThere() {
    assumeTrue(EmbeddedModel.exists());
    CommandRun result = run("inspect");
    assertEquals(0, result.code(), result.err());
  }
}
