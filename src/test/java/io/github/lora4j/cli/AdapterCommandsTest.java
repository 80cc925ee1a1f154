package io.github.lora4j.cli;

import static io.github.lora4j.cli.CommandRun.MODEL;
import static io.github.lora4j.cli.CommandRun.messages;
import static io.github.lora4j.cli.CommandRun.run;
import static io.github.lora4j.cli.CommandRun.text;
import static io.github.lora4j.cli.CommandRun.train;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.LoggedWarnings;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.lora.AdapterExport;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that look at adapters and take them to other formats. */
class AdapterCommandsTest {

  private static final List<String> PEFT =
      List.of("adapter_config.json", "adapter_model.safetensors");
  private static final List<String> OURS = List.of("lora4j.json", "lora4j.safetensors");

  @TempDir private static Path trained;

  @TempDir private Path folder;

  @BeforeAll
  static void trainTwoAdapters() throws IOException {
    CommandRun lm = train(text(trained), lm(), "--task", "lm", "--max-length", "16");
    assertEquals(0, lm.code(), lm.err());
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

  private static CommandRun convert(String to, Path adapter, Path out, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "convert",
                "--to",
                to,
                "--model",
                MODEL,
                "--adapter",
                adapter.toString(),
                "--out",
                out.toString()));
    arguments.addAll(List.of(more));
    return run(arguments, "");
  }

  private static void assertConverts(String to, Path adapter, Path out, String... more) {
    CommandRun result = convert(to, adapter, out, more);
    assertEquals(0, result.code(), result.err());
    assertEquals(to + " adapter in " + out, result.out().strip());
  }

  private static void assertSameFiles(List<String> names, Path expected, Path got)
      throws IOException {
    for (String name : names) {
      assertEquals(-1, Files.mismatch(expected.resolve(name), got.resolve(name)), name);
    }
  }

  private float[] logits(Path adapter) throws IOException {
    Path ids = Files.writeString(folder.resolve("ids.json"), "[[1,2,3,300,5,77,8,9]]");
    Path out = folder.resolve("logits.safetensors");
    CommandRun result =
        run(
            "logits",
            "--model",
            MODEL,
            "--adapter",
            adapter.toString(),
            "--ids",
            ids.toString(),
            "--out",
            out.toString());
    assertEquals(0, result.code(), result.err());
    return SafetensorsFile.open(out).readFloats("logits");
  }

  @Test
  void convertedToPeftAndBackTheFilesAreTheSameBytes() throws IOException {
    List<String> all = new ArrayList<>(PEFT);
    all.addAll(OURS);
    for (Path adapter : List.of(lm(), classifier())) {
      Path there = folder.resolve("there-" + adapter.getFileName());
      assertConverts("peft", adapter, there);
      assertSameFiles(all, adapter, there);

      // What PEFT itself would hand on: its pair alone.
      for (String name : OURS) {
        Files.delete(there.resolve(name));
      }
      Path back = folder.resolve("back-" + adapter.getFileName());
      assertConverts("peft", there, back, "--from", "peft");
      assertSameFiles(PEFT, adapter, back);
    }
  }

  @Test
  void convertedToMlxAndBackTheLogitsAreTheSame() throws IOException {
    for (Path adapter : List.of(lm(), fixture("patterns"))) {
      Path mlx = folder.resolve("mlx-" + adapter.getFileName());
      Path back = folder.resolve("back-" + adapter.getFileName());
      assertConverts("mlx", adapter, mlx);
      assertConverts("peft", mlx, back, "--from", "mlx");
      assertArrayEquals(logits(adapter), logits(back), 1e-6f);
      assertArrayEquals(logits(back), logits(mlx), 1e-6f);
    }
  }

  @Test
  void convertedToGgufTheFileIsThatOfTheLibrary() throws IOException {
    Path file = folder.resolve("adapter.gguf");
    assertConverts("gguf", fixture("all-linear"), file);
    SequenceModel model = Gpt2.load(Path.of(MODEL)).languageModel();
    AdapterFile.load(model, fixture("all-linear"));
    Path expected = folder.resolve("expected.gguf");
    AdapterExport.writeGguf(model, expected, "all-linear");
    assertEquals(-1, Files.mismatch(expected, file));
    assertEquals("GGUF", new String(Files.readAllBytes(file), 0, 4, US_ASCII));
  }

  @Test
  void whatCannotBeConvertedIsOneLineAndNothingIsWritten() throws IOException {
    Path out = folder.resolve("out");
    for (String format : List.of("mlx", "gguf")) {
      String head = convert(format, classifier(), out).failure(2);
      assertTrue(head.contains("score.linear.weight") && head.contains("merge"), head);
      String dora = convert(format, fixture("dora"), out).failure(2);
      assertTrue(dora.contains("transformer.h.0.attn.c_attn.magnitude"), dora);
    }
    String from = convert("gguf", fixture("all-linear"), out, "--from", "mlx").failure(2);
    assertTrue(from.contains("--from: peft expected"), from);
    assertTrue(convert("peft", folder, out).failure(3).contains("an adapter expected"));
    convert("peft", folder.resolve("none"), out).failure(5);
    convert("onnx", lm(), out).failure(2);
    assertFalse(Files.exists(out));

    Files.writeString(folder.resolve("holiday.txt"), "sea");
    assertTrue(convert("peft", lm(), folder).failure(2).contains("new or empty folder"));
    assertTrue(
        convert("gguf", lm(), folder.resolve("holiday.txt")).failure(2).contains("new file"));
    assertEquals("sea", Files.readString(folder.resolve("holiday.txt")));
    convert("gguf", lm(), folder.resolve("no/file.gguf")).failure(5);
  }

  /** The norm of alpha / rank B A, by the product itself; A (in, r), B (r, out). */
  private static double delta(float[] a, float[] b, int rank, double factor) {
    int in = a.length / rank;
    int out = b.length / rank;
    double square = 0;
    for (int i = 0; i < in; i++) {
      for (int o = 0; o < out; o++) {
        double sum = 0;
        for (int r = 0; r < rank; r++) {
          sum += (double) a[i * rank + r] * b[r * out + o];
        }
        square += factor * sum * factor * sum;
      }
    }
    return Math.sqrt(square);
  }

  private static double norm(float[] elements) {
    double square = 0;
    for (float element : elements) {
      square += (double) element * element;
    }
    return Math.sqrt(square);
  }

  @Test
  void inspectShowsWhatIsInAnAdapterWithoutAModel() throws IOException {
    CommandRun result = run("inspect", "--adapter", classifier().toString());
    assertEquals(0, result.code(), result.err());
    String out = result.out();
    for (String expected :
        List.of(
            "kind                lora4j",
            "task                SEQ_CLS",
            "base                gpt2-tiny",
            "labels              ham, spam",
            "rank                2\n",
            "alpha               16.0\n",
            "scaling             lora 8.0\n",
            "DoRA                no\n",
            "qkv                 split",
            "tokenizer ")) {
      assertTrue(out.contains(expected), expected + " in\n" + out);
    }
    // Per block, of three: 4 of (48, 48), (48, 192), (192, 48); the head (48, 2).
    int parameters = 2 * (3 * (4 * 96 + 2 * 240) + 50);
    assertTrue(
        out.contains(String.format(Locale.ROOT, "trained parameters  %,d\n", parameters)), out);
    SafetensorsFile file = SafetensorsFile.open(classifier().resolve("lora4j.safetensors"));
    int branches = 0;
    for (String name : file.names()) {
      if (name.endsWith(".lora.A")) {
        String path = name.substring(0, name.length() - ".lora.A".length());
        float[] a = file.readFloats(name);
        float[] b = file.readFloats(path + ".lora.B");
        String row =
            String.format(
                Locale.ROOT,
                "%-40s %5d %12.6g %12.6g %12.6g",
                path,
                2,
                norm(a),
                norm(b),
                delta(a, b, 2, 8));
        assertTrue(out.contains(row), row + " in\n" + out);
        assertTrue(norm(b) > 0, name);
        branches++;
      }
    }
    assertEquals(3 * 6 + 1, branches);
    String manifest = Files.readString(classifier().resolve("lora4j.json"));
    List<String> hashes =
        out.lines()
            .filter(line -> line.startsWith("SHA-256"))
            .map(line -> line.split(" +")[1])
            .toList();
    assertEquals(3, hashes.size());
    hashes.forEach(hash -> assertTrue(manifest.contains(hash), hash));

    CommandRun peft = run("inspect", "--adapter", fixture("patterns").toString());
    assertTrue(peft.out().contains("kind                peft"), peft.out());
    assertTrue(peft.out().contains("rank                4, 2\n"), peft.out());
    assertTrue(peft.out().contains("scaling             lora 2.0, lora 8.0\n"), peft.out());
    assertTrue(peft.out().contains("targets             attn.c_attn, mlp.c_fc\n"), peft.out());
    CommandRun dora = run("inspect", "--adapter", fixture("dora").toString());
    assertTrue(dora.out().contains("DoRA                yes"), dora.out());
    assertTrue(dora.out().contains("h.0.attn.c_attn.magnitude"), dora.out());
    Path mlx = folder.resolve("mlx");
    assertConverts("mlx", lm(), mlx);
    CommandRun ofMlx = run("inspect", "--adapter", mlx.toString());
    assertTrue(ofMlx.out().contains("kind                mlx"), ofMlx.out());
  }

  @Test
  void inspectEscapesWhatTheFileSaysAndShowsTheTreeWithAModel() throws IOException {
    Path adapter = Files.createDirectory(folder.resolve("adapter"));
    Files.copy(fixture("all-linear").resolve(PEFT.get(1)), adapter.resolve(PEFT.get(1)));
    String config = Files.readString(fixture("all-linear").resolve(PEFT.get(0)));
    String changed =
        config.replaceFirst(
            "\"base_model_name_or_path\": *(null|\"[^\"]*\")",
            "\"base_model_name_or_path\": \"\\\\u001b[31mred\\\\u202e\"");
    assertFalse(changed.equals(config));
    Files.writeString(adapter.resolve(PEFT.get(0)), changed);
    CommandRun result = run("inspect", "--adapter", adapter.toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("base                \\u001b[31mred\\u202e\n"), result.out());

    CommandRun tree = run("inspect", "--adapter", adapter.toString(), "--model", MODEL);
    assertEquals(0, tree.code(), tree.err());
    assertTrue(tree.out().contains("Gpt2LanguageModel("), tree.out());
    assertTrue(tree.out().contains("LoRALayer"), tree.out());

    run("inspect", "--adapter", adapter.toString(), "--rank", "2").failure(2);
    run("inspect", "--adapter", folder.resolve("none").toString()).failure(5);
    run("inspect", "--adapter", folder.toString()).failure(3);
    Files.write(adapter.resolve(PEFT.get(1)), new byte[20]);
    run("inspect", "--adapter", adapter.toString()).failure(3);
  }

  @Test
  void diffShowsDistancesAndSaysByItsExitCodeWhetherThereAreAny() throws IOException {
    CommandRun same = run("diff", lm().toString(), lm().toString());
    assertEquals(0, same.code(), same.out() + same.err());
    assertTrue(same.out().endsWith("same, largest distance 0.000e+00\n"), same.out());

    Path scaled = folder.resolve("scaled");
    Files.createDirectory(scaled);
    Files.copy(fixture("all-linear").resolve(PEFT.get(0)), scaled.resolve(PEFT.get(0)));
    SafetensorsFile file = SafetensorsFile.open(fixture("all-linear").resolve(PEFT.get(1)));
    SafetensorsWriter writer = new SafetensorsWriter();
    for (String name : file.names()) {
      float[] elements = file.readFloats(name);
      for (int i = 0; i < elements.length && name.contains("lora_B"); i++) {
        elements[i] *= 0.75f;
      }
      List<Long> shape = file.tensors().get(name).shape();
      writer.floats(name, elements, shape.stream().mapToLong(Long::longValue).toArray());
    }
    writer.write(scaled.resolve(PEFT.get(1)));
    List<String> diff =
        List.of("diff", fixture("all-linear").toString(), scaled.toString(), "--tolerance");
    CommandRun different = run(diff.get(0), diff.get(1), diff.get(2));
    assertEquals(1, different.code(), different.err());
    assertEquals("", different.err());
    String prefix = "base_model.model.transformer.h.0.attn.c_attn.";
    // Turned, B A is the product of A^T and B^T: the norm is the same.
    float[] a = file.readFloats(prefix + "lora_B.weight");
    float[] b = file.readFloats(prefix + "lora_A.weight");
    double norm = delta(a, b, 4, 2);
    String row =
        String.format(
            Locale.ROOT,
            "%-32s %5d %5d %8.5g %8.5g %9.5g %9.5g %12.6g %12.6g %10.3e",
            "h.0.attn.c_attn",
            4,
            4,
            8f,
            8f,
            2f,
            2f,
            norm,
            0.75 * norm,
            0.25);
    assertTrue(different.out().contains(row), row + " in\n" + different.out());
    assertTrue(different.out().contains("different, largest distance 2.500e-01"), different.out());
    List<String> within = new ArrayList<>(diff);
    within.add("0.26");
    assertEquals(0, run(within, "").code());
    within.set(4, "0.24");
    assertEquals(1, run(within, "").code());

    CommandRun other = run("diff", lm().toString(), classifier().toString());
    assertEquals(1, other.code(), other.err());
    assertTrue(other.out().contains("only in " + classifier() + ": score"), other.out());
    assertTrue(other.out().contains("task: CAUSAL_LM and SEQ_CLS"), other.out());

    run("diff", lm().toString()).failure(2);
    run("diff", lm().toString(), folder.resolve("none").toString()).failure(5);
    run("diff", lm().toString(), lm().toString(), "--tolerance", "-1").failure(2);
  }

  @Test
  void classifierOfPeftAlonePredictsAndIsEvaluated() throws IOException {
    Path peft = Files.createDirectory(folder.resolve("peft"));
    for (String name : PEFT) {
      Files.copy(classifier().resolve(name), peft.resolve(name));
    }
    List<String> texts = List.of("WIN 3 prizes!", "see you at 4");
    List<String> answers = new ArrayList<>();
    for (Path adapter : List.of(classifier(), peft)) {
      List<String> predict =
          new ArrayList<>(List.of("predict", "--model", MODEL, "--adapter", adapter.toString()));
      predict.addAll(texts);
      CommandRun result = run(predict, "");
      assertEquals(0, result.code(), result.err());
      answers.add(result.out());
    }
    assertTrue(answers.get(0).startsWith("spam\t") && answers.get(0).contains("\nham\t"));
    assertEquals(
        answers.get(0).replace("spam\t", "LABEL_1\t").replace("ham\t", "LABEL_0\t"),
        answers.get(1));

    Path rows =
        Files.writeString(
            folder.resolve("rows.tsv"), "LABEL_1\tWIN 3 prizes!\nLABEL_0\tsee you at 4\n");
    CommandRun evaluated =
        run("evaluate", "--model", MODEL, "--adapter", peft.toString(), "--data", rows.toString());
    assertEquals(0, evaluated.code(), evaluated.err());
    assertTrue(evaluated.out().contains("LABEL_1 taken for LABEL_0 0, LABEL_1 1"), evaluated.out());
    run("predict", "--model", MODEL, "--adapter", fixture("dora").toString(), "x").failure(4);
  }

  @Test
  void convertingAPaddedClassifierWarnsThatPeftAnswersDifferently() throws IOException {
    Path padded = folder.resolve("padded");
    assertEquals(0, train(messages(folder), padded, "--pad", "24").code());
    List<String> warnings =
        LoggedWarnings.of(
            AdapterFile.class, () -> assertConverts("peft", padded, folder.resolve("peft")));
    assertTrue(warnings.toString().contains("train without padding"), warnings.toString());
  }
}
