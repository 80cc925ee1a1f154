package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.lora.AdapterFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code train} ends with a receipt, and fails if it does not hold. */
class ReceiptOfTrainingTest {

  @TempDir private Path folder;

  private static Map<String, Object> receipt(Path adapter) throws IOException {
    return Fixtures.asMap(Fixtures.value(adapter.resolve("receipt.json")));
  }

  private static Map<String, String> facts(Path adapter) throws IOException {
    return AdapterFile.metadata(adapter).facts();
  }

  private CommandRun train(Path data, String adapter, String... more) {
    return CommandRun.train(data, folder.resolve(adapter), more);
  }

  /** The names of the trained tensors that moved, or that did not. */
  private static List<String> names(Map<String, Object> receipt, boolean moved) {
    return ((List<?>) receipt.get("trained"))
        .stream()
            .map(Fixtures::asMap)
            .filter(each -> each.get("moved").equals(moved))
            .map(each -> each.get("name").toString())
            .toList();
  }

  @Test
  void classifierHasAReceiptOnTheConsoleInItsFileAndInTheAdapter() throws IOException {
    CommandRun result = train(messages(folder), "run", "--seed", "5");
    assertEquals(0, result.code(), result.err());
    // Split, 6 layers in each of 3 blocks, and the head. Frozen are 2 tables, the last norm, in
    // each
    // block two norms and six layers with bias, and the head's weight and bias.
    String line =
        "receipt   all 38 trained tensors moved, all 54 frozen tensors unchanged, none non-finite;";
    assertTrue(result.out().contains(line), result.out());
    assertTrue(result.out().contains(", seed 5"), result.out());
    Path adapter = folder.resolve("run");
    Map<String, Object> receipt = receipt(adapter);
    assertEquals(true, receipt.get("holds"));
    assertEquals(38, names(receipt, true).size());
    assertEquals(List.of(), receipt.get("frozen_changed"));
    Map<String, Object> metrics = Fixtures.asMap(Fixtures.value(adapter.resolve("metrics.json")));
    assertEquals(metrics.get("validation"), receipt.get("after"));
    assertTrue(Fixtures.asMap(receipt.get("before")).containsKey("macro_f1"));

    assertEquals(receipt.get("data_sha256"), facts(adapter).get("receipt_data"));
    assertEquals("true", facts(adapter).get("receipt_holds"));
    assertEquals(Double.parseDouble(facts(adapter).get("receipt_steps")), receipt.get("steps"));
    CommandRun inspected = run("inspect", "--adapter", adapter.toString());
    assertEquals(0, inspected.code(), inspected.err());
    assertTrue(
        inspected.out().lines().anyMatch(each -> each.matches("receipt_seed +5")), inspected.out());
  }

  @Test
  void languageModelHasOneToo() throws IOException {
    CommandRun result =
        train(text(folder), "run", "--task", "lm", "--max-length", "16", "--base-dtype", "bf16");
    assertEquals(0, result.code(), result.err());
    assertTrue(
        result.out().contains("receipt   all 36 trained tensors moved, all 52 frozen"),
        result.out());
    Map<String, Object> receipt = receipt(folder.resolve("run"));
    assertEquals(true, receipt.get("holds"));
    assertTrue(Fixtures.asMap(receipt.get("after")).containsKey("perplexity"));
    assertEquals("true", facts(folder.resolve("run")).get("receipt_holds"));
  }

  @Test
  void aTrainingThatDidNotMoveAFailsAndIsStillSaved() throws IOException {
    // One batch in one epoch: B starts at zero, so the first gradient of A is zero.
    List<Path> sources = List.of(messages(folder), text(folder));
    for (Path data : sources) {
      boolean isText = data.equals(sources.get(1));
      String name = isText ? "text" : "messages";
      String task = isText ? "lm" : "classify";
      CommandRun result =
          train(
              data,
              name,
              "--task",
              task,
              "--max-length",
              "16",
              "--batch-size",
              "1000",
              "--weight-decay",
              "0");
      assertEquals(ExitCodes.RECEIPT, result.code(), result.err());
      Map<String, Object> receipt = receipt(folder.resolve(name));
      assertEquals(1.0, receipt.get("steps"));
      List<String> unmoved = names(receipt, false);
      assertTrue(unmoved.stream().allMatch(each -> each.endsWith("lora.A")), unmoved.toString());
      assertEquals(isText ? 18 : 19, unmoved.size());
      assertEquals(unmoved.size(), names(receipt, true).size());
      String complaint =
          "error: receipt: %d of %d trained tensors did not move: %s,"
              .formatted(unmoved.size(), 2 * unmoved.size(), unmoved.get(0));
      assertTrue(result.err().contains(complaint), result.err());
      assertEquals("false", facts(folder.resolve(name)).get("receipt_holds"));
      assertTrue(Files.exists(folder.resolve(name).resolve("metrics.json")));
    }
  }

  @Test
  void aRateTooSmallToMoveAFails() throws IOException {
    CommandRun result = train(messages(folder), "run", "--learning-rate", "1e-30");
    assertEquals(ExitCodes.RECEIPT, result.code(), result.err());
    List<String> unmoved = names(receipt(folder.resolve("run")), false);
    assertEquals(19, unmoved.size());
    assertTrue(unmoved.stream().allMatch(each -> each.endsWith("lora.A")), unmoved.toString());
  }

  /** Attention over one token is that token: nothing reaches query and key. */
  @Test
  void textsOfOneTokenMoveNoBOfQueryAndKey() throws IOException {
    Path rows = Files.writeString(folder.resolve("ab.tsv"), "a\tx\nb\ty\n".repeat(8));
    CommandRun result = train(rows, "run", "--qkv", "split");
    assertEquals(ExitCodes.RECEIPT, result.code(), result.err());
    List<String> unmoved = names(receipt(folder.resolve("run")), false);
    assertEquals(2 * 3, unmoved.size());
    assertTrue(
        unmoved.stream().allMatch(each -> each.matches(".*(query|key)\\.lora\\.B")),
        unmoved.toString());
  }

  @Test
  void theSameTrainingGivesTheSameAdapterAndDiffFindsNone() throws IOException {
    Path data = messages(folder);
    for (String name : List.of("one", "other")) {
      assertEquals(0, train(data, name).code());
    }
    for (String file : List.of("lora4j.json", "lora4j.safetensors", "adapter_config.json")) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("one").resolve(file)),
          Files.readAllBytes(folder.resolve("other").resolve(file)),
          file);
    }
    String one = folder.resolve("one").toString();
    assertEquals(0, run("diff", one, folder.resolve("other").toString()).code());
  }

  @Test
  void theExitCodeIsDocumented() {
    String code = " " + ExitCodes.RECEIPT + " ";
    assertTrue(
        run("--help").out().contains(code + "   a training whose receipt"), run("--help").out());
    assertTrue(run("train", "--help").out().contains("exit code is" + code.stripTrailing()));
  }
}
