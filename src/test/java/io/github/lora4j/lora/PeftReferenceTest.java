package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** PEFT itself reads what was written here and computes the same logits. */
@Tag("reference")
class PeftReferenceTest {

  private static final double LOGITS = 1e-4;
  private static final int[][] IDS = {
    {1, 2, 3, 4, 5, 6, 7}, {300}, {511, 17, 17, 17, 250, 0, 99, 4, 400, 12, 31}
  };

  @TempDir private Path folder;

  static List<Arguments> adapters() {
    List<Arguments> adapters = new ArrayList<>();
    LoraConfig all = LoraConfig.of(4, 6);
    for (boolean merged : new boolean[] {false, true}) {
      for (TaskType task : TaskType.values()) {
        for (QkvLayout layout : QkvLayout.values()) {
          adapters.add(Arguments.of(task, layout, merged, List.of(all)));
        }
      }
      for (QkvLayout layout : QkvLayout.values()) {
        for (LoraConfig config :
            List.of(
                all.withScaling(LoraScaling.RSLORA),
                all.withDora(true),
                all.withBias(BiasTraining.LORA_ONLY),
                all.withTargets(Targets.named("c_attn")).withBias(BiasTraining.ALL),
                all.withTargets(Targets.named("c_attn")).withModulesToSave("mlp.c_proj"),
                all.withRanks(Map.of("h.1.attn.c_attn", 2)).withAlphas(Map.of("c_fc", 3f)))) {
          adapters.add(Arguments.of(TaskType.CAUSAL_LM, layout, merged, List.of(config)));
        }
      }
      adapters.add(
          Arguments.of(
              TaskType.CAUSAL_LM,
              QkvLayout.SPLIT,
              merged,
              List.of(
                  all.withTargets(Targets.named("query", "c_fc")).withDora(true),
                  all.withTargets(Targets.named("mlp.c_proj")))));
      adapters.add(
          Arguments.of(
              TaskType.CAUSAL_LM,
              QkvLayout.SPLIT,
              merged,
              List.of(
                  all.withTargets(Targets.named("query", "c_fc")),
                  LoraConfig.of(3, 9).withTargets(Targets.named("value").inLayers(0, 1)),
                  LoraConfig.of(2, 1).withTargets(Targets.matching(".*\\.1\\.mlp\\.c_proj")))));
    }
    return adapters;
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void peftComputesOurLogits(
      TaskType task, QkvLayout layout, boolean merged, List<LoraConfig> configs) throws Exception {
    Path base = Fixtures.folder().resolve("gpt2-tiny");
    SequenceModel model = model(base, task, layout);
    float[][] before = logits(model);
    model.freeze();
    configs.forEach(config -> Lora.apply(model, config));
    model.trainedParameters().forEach(PeftReferenceTest::change);
    AdapterFile.save(model, AdapterMetadata.of(task), folder);

    float[][] expected = peftLogits(base, merged);

    float[][] got = logits(model);
    assertEquals(expected.length, got.length);
    for (int i = 0; i < got.length; i++) {
      assertArrayEquals(expected[i], got[i], (float) LOGITS, "text " + i);
      assertTrue(furthest(before[i], got[i]) > 100 * LOGITS, "the adapter changes text " + i);
    }
    SequenceModel again = model(base, task, layout);
    AdapterFile.load(again, folder);
    assertTrue(Arrays.deepEquals(got, logits(again)));
  }

  /** As training would, but for A. */
  private static void change(String name, Parameter parameter) {
    if (!name.endsWith(".lora.A")) {
      float[] change = new float[parameter.shape().numel()];
      CounterRandom.fillUniform(CounterRandom.key(7, CounterRandom.place(name)), 0.3f, change);
      for (int i = 0; i < change.length; i++) {
        parameter.data()[i] += change[i];
      }
    }
  }

  private static SequenceModel model(Path base, TaskType task, QkvLayout layout)
      throws IOException {
    Gpt2 gpt2 = Gpt2.load(base, layout);
    return task == TaskType.CAUSAL_LM
        ? gpt2.languageModel()
        : gpt2.classifier(ClassifierHead.LORA, 3, 5);
  }

  private static float[][] logits(SequenceModel model) {
    return Arrays.stream(IDS)
        .map(ids -> model.forward(Sequences.of(ids), null).data())
        .toArray(float[][]::new);
  }

  private static double furthest(float[] a, float[] b) {
    double furthest = 0;
    for (int i = 0; i < a.length; i++) {
      furthest = Math.max(furthest, Math.abs(a[i] - b[i]));
    }
    return furthest;
  }

  /** What the reference computes for each text, one by one. */
  private float[][] peftLogits(Path base, boolean merged) throws IOException, InterruptedException {
    Path ids = folder.resolve("ids.json");
    Path out = folder.resolve("logits.safetensors");
    Path log = folder.resolve("log.txt");
    Files.writeString(ids, Arrays.deepToString(IDS));
    List<String> command = new ArrayList<>();
    command.add(property("lora4j.python"));
    command.add(Path.of(property("lora4j.reference"), "peft_logits.py").toString());
    for (Path path : List.of(base, folder, ids, out)) {
      command.add(path.toAbsolutePath().toString());
    }
    if (merged) {
      command.add("--merged");
    }
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean isDone = process.waitFor(5, TimeUnit.MINUTES);
    process.destroyForcibly();
    String said = Files.readString(log);
    assertTrue(isDone && process.waitFor() == 0, said);
    assertFalse(said.contains("missing adapter keys"), said);
    SafetensorsFile file = SafetensorsFile.open(out);
    if (file.tensors().containsKey("logits")) {
      float[] rows = file.readFloats("logits");
      int columns = rows.length / IDS.length;
      float[][] split = new float[IDS.length][];
      for (int i = 0; i < split.length; i++) {
        split[i] = Arrays.copyOfRange(rows, i * columns, (i + 1) * columns);
      }
      return split;
    }
    float[][] rows = new float[IDS.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = file.readFloats("logits." + i);
    }
    return rows;
  }

  private static String property(String name) {
    String value = System.getProperty(name);
    Assumptions.assumeTrue(value != null, "needs -D" + name + "=...");
    return value;
  }
}
