package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.MODEL;
import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static io.github.lora4j.cli.CommandRun.train;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.AdapterContents;
import io.github.lora4j.lora.AdapterContents.Branch;
import io.github.lora4j.lora.LoraScaling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The variants of LoRA by their options: trained, saved, inspected, used. */
class VariantOptionsTest {

  /** Rank 2 of query, key, value, c_proj, c_fc and mlp.c_proj in 3 blocks, and the head. */
  private static final int PLAIN = 2 * (3 * (4 * (48 + 48) + 2 * (48 + 192)) + 48 + 2);

  /** The outputs of the same layers: as many magnitudes or biases. */
  private static final int OUTPUTS = 3 * (4 * 48 + 192 + 48) + 2;

  /** The branches beside c_fc and the head alone. */
  private static final int C_FC = 2 * (3 * (48 + 192) + 48 + 2);

  @TempDir private Path folder;

  private List<Branch> trained(int parameters, String... options) throws IOException {
    Path adapter = folder.resolve("run");
    CommandRun trained = train(messages(folder), adapter, options);
    assertEquals(0, trained.code(), trained.err());
    assertTrue(
        trained.out().contains(String.format(Locale.ROOT, " %,d of ", parameters)), trained.out());

    CommandRun predicted =
        run("predict", "--model", MODEL, "--adapter", adapter.toString(), "WIN 3 prizes!");
    assertEquals(0, predicted.code(), predicted.err());
    assertTrue(predicted.out().matches("(ham|spam)\t[01]\\.\\d{4}\tWIN 3 prizes!\\R"));

    List<Branch> branches = AdapterContents.read(adapter).branches();
    branches.forEach(branch -> assertTrue(branch.normDelta() > 0, branch.name() + " learns"));
    return branches;
  }

  /** What inspect says is trained of the adapter, or of a model with the options. */
  private static void assertInspectCounts(int parameters, List<String> options) {
    List<String> arguments = new ArrayList<>(List.of("inspect"));
    arguments.addAll(options);
    CommandRun inspected = run(arguments, "");
    assertEquals(0, inspected.code(), inspected.err());
    String count = String.format(Locale.ROOT, "%,d", parameters);
    assertTrue(
        inspected.out().lines().anyMatch(line -> line.matches("train\\w+ parameters +" + count)),
        inspected.out());
  }

  private void assertAdapterCounts(int parameters) {
    assertInspectCounts(parameters, List.of("--adapter", folder.resolve("run").toString()));
  }

  private static void assertModelCounts(int parameters, String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("--model", MODEL, "--classes", "2", "--rank", "2"));
    arguments.addAll(List.of(options));
    assertInspectCounts(parameters, arguments);
  }

  private static <T> Set<T> values(List<Branch> branches, Function<Branch, T> value) {
    return branches.stream().map(value).collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void rsloraScalesByTheRootOfTheRank() throws IOException {
    List<Branch> branches = trained(PLAIN, "--rslora");
    assertEquals(Set.of(LoraScaling.RSLORA), values(branches, Branch::scaling));
    assertEquals(16 / Math.sqrt(2), branches.get(0).factor(), 1e-6);
    assertAdapterCounts(PLAIN);
    assertModelCounts(PLAIN, "--rslora");
  }

  @Test
  void doraTrainsAMagnitudeForEachOutput() throws IOException {
    List<Branch> branches = trained(PLAIN + OUTPUTS, "--dora");
    assertEquals(Set.of(true), values(branches, Branch::isDora));
    assertAdapterCounts(PLAIN + OUTPUTS);
    assertModelCounts(PLAIN + OUTPUTS, "--dora");
  }

  @Test
  void biasesAreTrainedAsAsked() throws IOException {
    String[] none = {"--targets", "c_fc", "--bias", "none"};
    String[] lora = {"--targets", "c_fc", "--bias", "lora"};
    String[] all = {"--targets", "c_fc", "--bias", "all", "--overwrite"};
    assertModelCounts(C_FC, none);
    trained(C_FC + 3 * 192 + 2, lora);
    assertAdapterCounts(C_FC + 3 * 192 + 2);
    assertModelCounts(C_FC + 3 * 192 + 2, lora);
    trained(C_FC + OUTPUTS, all);
    assertAdapterCounts(C_FC + OUTPUTS);
  }

  @Test
  void patternsGiveSomeLinearAnotherRankAndAlpha() throws IOException {
    String[] options = {
      "--rank-pattern",
      "h\\.[01]\\.mlp\\.c_fc=4",
      "--rank-pattern",
      "c_fc=1",
      "--alpha-pattern",
      "query=3.5",
      "--alpha-pattern",
      "score=1"
    };
    int parameters = PLAIN + (2 * 2 - 1) * (48 + 192);
    for (Branch branch : trained(parameters, options)) {
      boolean isCFc = branch.name().endsWith("c_fc");
      int rank = !isCFc ? 2 : branch.name().contains(".2.") ? 1 : 4;
      double alpha = branch.name().endsWith("query") ? 3.5 : branch.name().equals("score") ? 1 : 16;
      assertEquals(rank, branch.rank(), branch.name());
      assertEquals(alpha, branch.alpha(), branch.name());
    }
    assertAdapterCounts(parameters);
    assertModelCounts(parameters, options);
  }

  @Test
  void modulesToSaveAreTrainedInFull() throws IOException {
    int parameters = PLAIN - 2 * 3 * (192 + 48) + 3 * (192 * 48 + 48);
    List<Branch> branches = trained(parameters, "--modules-to-save", "mlp.c_proj");
    assertTrue(branches.stream().noneMatch(branch -> branch.name().endsWith("mlp.c_proj")));
    assertAdapterCounts(parameters);
    assertModelCounts(parameters, "--modules-to-save", "mlp.c_proj");
  }

  @Test
  void branchesStartAsAsked() throws IOException {
    Set<Double> norms = new TreeSet<>();
    for (String init : List.of("peft", "book", "gaussian", "orthogonal")) {
      List<Branch> branches = trained(PLAIN, "--init", init, "--overwrite");
      norms.add(branches.get(0).normA());
      assertAdapterCounts(PLAIN);
    }
    assertEquals(4, norms.size(), "each starts with another A: " + norms);
  }

  @Test
  void pissaTrainsTheRankAndSavesTwiceOfIt() throws IOException {
    List<Branch> branches = trained(PLAIN, "--init", "pissa", "--learning-rate", "1e-4");
    assertEquals(Set.of(4), values(branches, Branch::rank));
    assertAdapterCounts(2 * PLAIN);
  }

  @Test
  void variantsOfALanguageModelAreTrainedAndTimed() throws IOException {
    Path adapter = folder.resolve("lm");
    String[] options = {"--dora", "--rslora", "--bias", "lora"};
    List<String> arguments = new ArrayList<>(List.of("--task", "lm", "--max-length", "16"));
    arguments.addAll(List.of(options));
    CommandRun result = train(text(folder), adapter, arguments.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    int parameters = PLAIN - 2 * (48 + 2) + 2 * (OUTPUTS - 2);
    assertInspectCounts(parameters, List.of("--adapter", adapter.toString()));
    List<String> bench =
        new ArrayList<>(
            List.of(
                "bench",
                "--model",
                MODEL,
                "--task",
                "lm",
                "--batch",
                "1",
                "--tokens",
                "4",
                "--steps",
                "1",
                "--warmup",
                "0",
                "--rank",
                "2"));
    bench.addAll(List.of(options));
    CommandRun timed = run(bench, "");
    assertEquals(0, timed.code(), timed.err());
    assertTrue(timed.out().contains("\"trainable_parameters\":" + parameters), timed.out());
  }

  @ParameterizedTest
  @CsvSource({
    "--bias lora_only, --bias",
    "--init lora, --init",
    "--init pissa --dora, --init: pissa or --dora",
    "--init orthogonal --rank-pattern c_fc=3, --rank-pattern: an even number",
    "--rank-pattern c_fc, --rank-pattern",
    "--rank-pattern c_fc=x, --rank-pattern",
    "--rank-pattern c_fc=0, --rank-pattern: 1 to",
    "--rank-pattern (=4, --rank-pattern: ",
    "--rank-pattern c_fk=4, a rank pattern that a Linear matches expected",
    "--alpha-pattern c_fc=0, --alpha-pattern: a number above 0",
    "--alpha-pattern c_fc=NaN, --alpha-pattern",
    "--alpha-pattern c_fk=4, nearest c_fc",
    "--modules-to-save wte, modules to save that are Linear expected"
  })
  void wrongVariantIsOneLineThatNamesIt(String options, String named) throws IOException {
    Path out = folder.resolve("run");
    String failure = train(messages(folder), out, options.split(" ")).failure(2);
    assertTrue(failure.contains(named), failure);
    assertFalse(out.toFile().exists());
  }

  @Test
  void orthogonalStartNeedsAnEvenRank() throws IOException {
    String data = messages(folder).toString();
    String failure = run("train", "--data", data, "--rank", "3", "--init", "orthogonal").failure(2);
    assertTrue(failure.contains("--rank: an even number expected"), failure);
  }

  @ParameterizedTest
  @CsvSource({
    "--rslora",
    "--dora",
    "--bias=all",
    "--rank-pattern=c_fc=2",
    "--alpha-pattern=c_fc=2",
    "--modules-to-save=c_fc"
  })
  void variantWithoutBranchesIsRefused(String option) {
    String failure = run("inspect", "--model", MODEL, option).failure(2);
    assertTrue(failure.contains(option.replaceFirst("=.*", "") + ": --rank expected"), failure);
  }
}
