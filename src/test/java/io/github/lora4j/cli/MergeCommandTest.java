package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.MODEL;
import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static io.github.lora4j.cli.CommandRun.train;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.Gpt2Config;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.lora.LinearWithLoRA;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.TaskType;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MergeCommandTest {

  private static final int[][] TEXTS = {{1, 2, 3, 300, 5, 77, 8, 9}, {511}, {4, 4, 4, 260, 17}};

  /** Of what PyTorch computes in float32, the same as for the unmerged model. */
  private static final float PEFT_TOLERANCE = 1e-4f;

  @TempDir private static Path trained;

  @TempDir private Path folder;

  @BeforeAll
  static void trainTwoAdapters() throws IOException {
    CommandRun lm =
        train(text(trained), lm(), "--task", "lm", "--max-length", "16", "--learning-rate", "0.01");
    assertEquals(0, lm.code(), lm.err());
    // The head is random and frozen, with a branch beside it.
    CommandRun classifier = train(messages(trained), classifier(), "--learning-rate", "0.01");
    assertEquals(0, classifier.code(), classifier.err());
  }

  private static Path lm() {
    return trained.resolve("lm");
  }

  private static Path classifier() {
    return trained.resolve("classifier");
  }

  private static Path fixture(String name) {
    return Fixtures.folder().resolve("adapters").resolve(name);
  }

  private static Path adapter(String name) {
    return name.equals("lm") || name.equals("classifier") ? trained.resolve(name) : fixture(name);
  }

  private static CommandRun merge(String model, Path adapter, Path out, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "merge",
                "--model",
                model,
                "--adapter",
                adapter.toString(),
                "--out",
                out.toString()));
    arguments.addAll(List.of(more));
    return run(arguments, "");
  }

  private static AdaptedModel prepared(Path adapter) throws IOException {
    return AdaptedModel.prepare(
        CommandLine.populateCommand(new ModelOption(), "--model", MODEL), adapter);
  }

  private static SequenceModel adapted(Path adapter) throws IOException {
    AdaptedModel adapted = prepared(adapter);
    adapted.load();
    return adapted.model();
  }

  private static SequenceModel written(Path out, boolean isClassifier) throws IOException {
    return isClassifier
        ? Gpt2Classifier.load(out, LoadOptions.DEFAULT)
        : Gpt2.load(out, LoadOptions.DEFAULT.withStrict(true)).languageModel();
  }

  private static float[] logits(SequenceModel model, int[]... texts) {
    return model.forward(Sequences.of(texts), null).toArray();
  }

  private static double furthest(float[] a, float[] b) {
    assertEquals(a.length, b.length);
    double furthest = 0;
    for (int i = 0; i < a.length; i++) {
      furthest = Math.max(furthest, Math.abs((double) a[i] - b[i]));
    }
    return furthest;
  }

  @ParameterizedTest
  @CsvSource({
    "lm,f32",
    "lm,F16",
    "lm,bf16",
    "classifier,f32",
    "classifier,f16",
    "classifier,bf16",
    "dora,f32",
    "bias-lora_only,f32",
    "rslora,bf16",
    "seq-cls,f16"
  })
  void mergedFolderAnswersAsTheAdaptedModel(String name, String dtype) throws IOException {
    Path out = folder.resolve("deep/merged");
    CommandRun result = merge(MODEL, adapter(name), out, "--dtype", dtype);
    assertEquals(0, result.code(), result.err());

    SequenceModel adapted = adapted(adapter(name));
    float[] expected = logits(adapted, TEXTS);
    float[] got = logits(written(out, adapted instanceof Gpt2Classifier), TEXTS);
    // To first order each matrix on the way adds the relative rounding of its numbers, and that of
    // sums of up to 192 products, which is a few roundings of float32.
    double ofNumbers =
        switch (dtype) {
          case "f32" -> 0x1p-24;
          case "bf16" -> 0x1p-8;
          default -> 0x1p-11;
        };
    double largest = furthest(expected, new float[expected.length]);
    int matrices = 2 + 4 * 3;
    double tolerance = matrices * largest * (ofNumbers + 16 * 0x1p-24);
    assertArrayEquals(expected, got, (float) tolerance);
    float[] base = logits(prepared(adapter(name)).model(), TEXTS);
    double change = furthest(base, got);
    assertTrue(change > (dtype.equals("f32") ? 100 : 1) * furthest(expected, got));

    SafetensorsFile file = SafetensorsFile.open(out.resolve("model.safetensors"));
    DType type = DType.valueOf(dtype.toUpperCase(Locale.ROOT));
    assertTrue(file.tensors().values().stream().allMatch(info -> info.dtype() == type));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"all-linear", "bias-lora_only", "dora", "mlp-only-regex", "patterns", "rslora"})
  void mergedFolderGivesTheLogitsAndWeightsOfPeft(String name) throws IOException {
    Path out = folder.resolve("merged");
    CommandRun result = merge(MODEL, fixture(name), out);
    assertEquals(0, result.code(), result.err());
    SafetensorsFile expected = SafetensorsFile.open(fixture(name).resolve("expected.safetensors"));
    int[] ids = expected.readInts("input_ids");
    int half = ids.length / 2;
    float[] got =
        logits(
            written(out, false),
            Arrays.copyOf(ids, half),
            Arrays.copyOfRange(ids, half, ids.length));
    assertArrayEquals(expected.readFloats("logits"), got, PEFT_TOLERANCE);
    SafetensorsFile file = SafetensorsFile.open(out.resolve("model.safetensors"));
    for (String module : List.of("h.1.attn.c_attn.weight", "h.1.mlp.c_fc.weight")) {
      assertArrayEquals(
          expected.readFloats("merged." + module), file.readFloats(module), 1e-6f, module);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lm", "classifier"})
  void figuresAreThoseOfTheAdaptersOwnProbe(String name) throws IOException {
    Path out = folder.resolve("merged");
    CommandRun result = merge(MODEL, adapter(name), out, "--dtype", "bf16");
    assertEquals(0, result.code(), result.err());
    SafetensorsFile file = SafetensorsFile.open(adapter(name).resolve("lora4j.safetensors"));
    float[] stored = file.readFloats("probe.token_ids");
    int[] ids = new int[stored.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (int) stored[i];
    }
    boolean isClassifier = name.equals("classifier");
    float[] merged = last(logits(written(out, isClassifier), ids), isClassifier);
    float[] base = last(logits(prepared(adapter(name)).model(), ids), isClassifier);
    assertEquals(
        List.of(
            String.format(Locale.ROOT, "%-34s %d", "merged weights", isClassifier ? 19 : 18),
            String.format(
                Locale.ROOT,
                "%-34s %.3e",
                "change of logits by the adapter",
                furthest(base, merged)),
            String.format(
                Locale.ROOT,
                "%-34s %.3e",
                "change of logits by rounding",
                furthest(file.readFloats("probe.logits"), merged)),
            "model in " + out),
        result.out().lines().toList());
    assertTrue(furthest(base, merged) > 1e-2);
    assertTrue(furthest(file.readFloats("probe.logits"), merged) > 1e-5);
  }

  /** A language model has a row for each token, the probe is about the last. */
  private static float[] last(float[] logits, boolean isClassifier) {
    return isClassifier ? logits : Arrays.copyOfRange(logits, logits.length - 512, logits.length);
  }

  @Test
  void folderHoldsTheModelAndTheTokenizerOfTheBase() throws IOException {
    Path out = Files.createDirectory(folder.resolve("merged"));
    CommandRun result = merge(MODEL, classifier(), out);
    assertEquals(0, result.code(), result.err());
    assertEquals("", result.err());
    try (Stream<Path> files = Files.list(out)) {
      List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
      assertTrue(names.containsAll(List.of("config.json", "model.safetensors")), names.toString());
      for (String name : names) {
        if (!List.of("config.json", "model.safetensors").contains(name)) {
          assertEquals(-1, Files.mismatch(Path.of(MODEL, name), out.resolve(name)), name);
        }
      }
      assertTrue(names.containsAll(List.of("vocab.json", "merges.txt")), names.toString());
    }
    assertEquals(List.of("ham", "spam"), Gpt2Classifier.load(out, LoadOptions.DEFAULT).labels());
  }

  @Test
  void adapterInTheFilesOfMlxIsMergedToo() throws IOException {
    Path mlx = folder.resolve("mlx");
    CommandRun converted =
        run(
            "convert",
            "--to",
            "mlx",
            "--model",
            MODEL,
            "--adapter",
            lm().toString(),
            "--out",
            mlx.toString());
    assertEquals(0, converted.code(), converted.err());
    CommandRun result = merge(MODEL, mlx, folder.resolve("merged"));
    assertEquals(0, result.code(), result.err());
    float[] expected = logits(adapted(lm()), TEXTS);
    float[] got = logits(written(folder.resolve("merged"), false), TEXTS);
    assertArrayEquals(expected, got, 1e-5f);
    assertTrue(furthest(logits(prepared(lm()).model(), TEXTS), got) > 1e-2);
  }

  @Test
  void paddingThatTheFolderDoesNotSayIsNoted() throws IOException {
    Path padded = folder.resolve("padded");
    CommandRun training = train(messages(folder), padded, "--pad", "24");
    assertEquals(0, training.code(), training.err());
    CommandRun result = merge(MODEL, padded, folder.resolve("merged"));
    assertEquals(0, result.code(), result.err());
    assertTrue(result.err().contains("padded to 24 tokens"), result.err());
  }

  private static void save(Module model, TaskType task, String head, Path adapter)
      throws IOException {
    List<String> labels = task == TaskType.SEQ_CLS ? List.of("ham", "spam") : List.of();
    AdapterFile.save(
        model,
        new AdapterMetadata(task, null, labels, Map.of("qkv", "fused", "head", head)),
        adapter);
  }

  @Test
  void headThatWasTrainedAloneIsWrittenWithTheBase() throws IOException {
    Gpt2Classifier headAlone =
        Gpt2.load(Path.of(MODEL)).classifier(ClassifierHead.FULL, 1, List.of("ham", "spam"));
    headAlone.freeze();
    headAlone.namedParameters().get("score.weight").setTrained(true);
    save(headAlone, TaskType.SEQ_CLS, "full", folder.resolve("head"));
    Path out = folder.resolve("merged");
    CommandRun result = merge(MODEL, folder.resolve("head"), out);
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("%-34s 0\n".formatted("merged weights")), result.out());
    assertArrayEquals(logits(headAlone, TEXTS), logits(written(out, true), TEXTS), 0);
    assertTrue(
        furthest(logits(prepared(folder.resolve("head")).model(), TEXTS), logits(headAlone, TEXTS))
            > 1e-2,
        "the head is that of the adapter");
  }

  @Test
  void whatCannotBeWrittenIsOneLineAndNothingIsWritten() throws IOException {
    Path out = folder.resolve("merged");
    Gpt2 base = Gpt2.load(Path.of(MODEL));

    Gpt2LanguageModel steep = base.languageModel();
    Lora.replaceLinearWithLora(steep, 1, 1);
    LinearWithLoRA first = (LinearWithLoRA) steep.namedModules().get("transformer.h.0.mlp.c_fc");
    first.lora().loraA().data()[0] = 1000;
    first.lora().loraB().data()[0] = 66;
    save(steep, TaskType.CAUSAL_LM, "full", folder.resolve("steep"));
    String overflow = merge(MODEL, folder.resolve("steep"), out, "--dtype", "f16").failure(2);
    assertTrue(overflow.contains("h.0.mlp.c_fc.weight") && overflow.contains("65520"), overflow);
    assertFalse(Files.exists(out));

    Gpt2Classifier biased = base.classifier(ClassifierHead.LORA, 1, List.of("ham", "spam"));
    Lora.replaceLinearWithLora(biased, 1, 1);
    LinearWithLoRA score = (LinearWithLoRA) biased.namedModules().get("score");
    score.linear().bias().data()[1] = 0.5f;
    save(biased, TaskType.SEQ_CLS, "lora", folder.resolve("biased"));
    String bias = merge(MODEL, folder.resolve("biased"), out).failure(2);
    assertTrue(bias.contains("a head without bias expected") && bias.contains("0.5"), bias);

    CommandRun inF32 = merge(MODEL, folder.resolve("steep"), out);
    assertEquals(0, inF32.code(), inF32.err());
  }

  @Test
  void whatDoesNotFitIsOneLineAndNothingIsWritten() throws IOException {
    Path out = folder.resolve("deep/merged");
    assertTrue(merge(MODEL, folder.resolve("none"), out).failure(5).contains("none"));
    assertTrue(merge(MODEL, folder, out).failure(3).contains("an adapter expected"));
    merge(folder.resolve("none").toString(), lm(), out).failure(5);
    assertTrue(merge(MODEL, lm(), out, "--dtype", "i32").failure(2).contains("--dtype"));

    Path other = folder.resolve("other");
    Gpt2Config sizes = Gpt2Config.read(Path.of(MODEL, "config.json"));
    Gpt2.initialize(sizes, QkvLayout.FUSED, 5).save(other, DType.F32, Path.of(MODEL));
    for (Path adapter : List.of(lm(), classifier())) {
      String failure = merge(other.toString(), adapter, out).failure(4);
      assertTrue(failure.contains("SHA-256"), failure);
    }
    assertFalse(Files.exists(folder.resolve("deep")));

    Path photos = Files.createDirectory(folder.resolve("photos"));
    Files.writeString(photos.resolve("holiday.txt"), "sea");
    assertTrue(merge(MODEL, lm(), photos).failure(2).contains("new or empty folder"));
    assertTrue(
        merge(MODEL, lm(), photos.resolve("holiday.txt")).failure(2).contains("got the file"));
    assertEquals("sea", Files.readString(photos.resolve("holiday.txt")));
    try (Stream<Path> files = Files.list(photos)) {
      assertEquals(1, files.count());
    }
    merge(MODEL, lm(), Path.of(MODEL)).failure(2);
  }
}
