package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A saved classifier is what transformers calls GPT2ForSequenceClassification, and comes back. */
class ClassifierSaveTest {

  private static final Gpt2Config SIZES = new Gpt2Config(70, 9, 6, 2, 3, 20, 1e-6f);
  private static final List<String> LABELS = List.of("ham", "\"späm\"\n", "\ud83d\ude00 \\");
  private static final Sequences TEXTS =
      Sequences.of(new int[][] {{1, 2, 69, 4}, {7}, {69, 69, 0, 8, 8, 8, 1, 2, 3}});

  @TempDir private Path folder;

  private static Gpt2Classifier classifier(QkvLayout layout, ClassifierHead head) {
    return Gpt2.initialize(SIZES, layout, 7).classifier(head, 5, LABELS);
  }

  private static float[] logits(Gpt2Classifier classifier) {
    return classifier.forward(TEXTS, null).toArray();
  }

  private static Linear score(Gpt2Classifier classifier) {
    return (Linear) classifier.slots().get("score").layer();
  }

  private static List<String> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void loadedClassifierHasTheHeadTheLabelsAndTheLogits(QkvLayout layout) throws IOException {
    for (ClassifierHead head : ClassifierHead.values()) {
      Gpt2Classifier saved = classifier(layout, head);
      saved.save(folder, DType.F32);
      for (QkvLayout other : QkvLayout.values()) {
        Gpt2Classifier loaded =
            Gpt2Classifier.load(folder, LoadOptions.DEFAULT.withLayout(other).withStrict(true));
        assertEquals(LABELS, loaded.labels());
        assertEquals(SIZES, loaded.transformer().config());
        assertEquals(null, score(loaded).bias());
        assertArrayEquals(score(saved).weight().data(), score(loaded).weight().data());
        assertArrayEquals(logits(saved), logits(loaded));
        assertEquals(0, loaded.trainedParameterCount());
      }
    }
  }

  @Test
  void bytesDependOnWeightsAndLabelsAloneAndSurviveAReload() throws IOException {
    for (DType dtype : new DType[] {DType.F32, DType.F16}) {
      Path first = folder.resolve("first" + dtype);
      classifier(QkvLayout.FUSED, ClassifierHead.LORA).save(first, dtype);
      classifier(QkvLayout.SPLIT, ClassifierHead.LORA).save(folder.resolve("split"), dtype);
      assertSameFiles(first, folder.resolve("split"));
      for (QkvLayout layout : QkvLayout.values()) {
        Gpt2Classifier again = Gpt2Classifier.load(first, LoadOptions.DEFAULT.withLayout(layout));
        again.save(folder.resolve("again"), dtype);
        assertSameFiles(first, folder.resolve("again"));
      }
    }
    assertTrue(
        Files.size(folder.resolve("firstF16/model.safetensors"))
            < Files.size(folder.resolve("firstF32/model.safetensors")));
  }

  private static void assertSameFiles(Path expected, Path actual) throws IOException {
    assertEquals(List.of("config.json", "model.safetensors"), files(expected));
    assertEquals(files(expected), files(actual));
    for (String file : files(expected)) {
      assertEquals(-1, Files.mismatch(expected.resolve(file), actual.resolve(file)), file);
    }
  }

  @Test
  void tensorsAreNamedAsInTransformers() throws IOException {
    Gpt2Classifier saved = classifier(QkvLayout.SPLIT, ClassifierHead.FULL);
    saved.save(folder, DType.F32);
    SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"));
    TreeSet<String> expected = new TreeSet<>(List.of("score.weight"));
    PublishedTensor.of(SIZES).forEach(tensor -> expected.add("transformer." + tensor.path()));
    assertEquals(expected, new TreeSet<>(file.names()));
    assertEquals(
        List.of(6L, 18L), file.tensors().get("transformer.h.1.attn.c_attn.weight").shape());
    assertEquals(List.of(3L, 6L), file.tensors().get("score.weight").shape());
    assertArrayEquals(score(saved).weight().data(), file.readFloats("score.weight"));
  }

  @Test
  void configurationNamesClassAndLabelsInAscii() throws IOException {
    classifier(QkvLayout.FUSED, ClassifierHead.FULL).save(folder, DType.F32);
    Path file = folder.resolve("config.json");
    Map<String, Object> config = Fixtures.asMap(Fixtures.value(file));
    assertEquals(List.of("GPT2ForSequenceClassification"), config.get("architectures"));
    assertEquals(
        Map.of("0", LABELS.get(0), "1", LABELS.get(1), "2", LABELS.get(2)), config.get("id2label"));
    assertEquals(
        Map.of(LABELS.get(0), 0.0, LABELS.get(1), 1.0, LABELS.get(2), 2.0), config.get("label2id"));
    assertEquals(69.0, config.get("pad_token_id"));
    assertEquals(config.keySet().stream().sorted().toList(), List.copyOf(config.keySet()));
    for (byte b : Files.readAllBytes(file)) {
      assertTrue(b >= '\n');
    }
  }

  @Test
  void publishedVocabularyIsPaddedWithTheEndOfText() {
    String json = Gpt2ConfigWriter.classifier(Gpt2Config.small(), List.of("ham", "spam"));
    assertTrue(json.contains("\"pad_token_id\": 50256,"), json);
    assertFalse(Gpt2Config.small().toJson().contains("pad_token_id"));
    assertTrue(Gpt2Config.small().toJson().contains("GPT2LMHeadModel"));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void folderOfAClassifierIsABaseToo(QkvLayout layout) throws IOException {
    Gpt2 base = Gpt2.initialize(SIZES, layout, 7);
    base.classifier(ClassifierHead.FULL, 5, LABELS).save(folder, DType.F32);
    Gpt2 loaded = Gpt2.load(folder, LoadOptions.DEFAULT.withLayout(layout).withStrict(true));
    float[] expected = base.languageModel().forward(TEXTS, null).toArray();
    assertArrayEquals(expected, loaded.languageModel().forward(TEXTS, null).toArray());
  }

  @Test
  void halvesAreTheNearestOnes() throws IOException {
    Gpt2Classifier saved = classifier(QkvLayout.FUSED, ClassifierHead.FULL);
    saved.save(folder, DType.F16);
    float[] weight = score(saved).weight().data();
    float[] loaded = score(Gpt2Classifier.load(folder, LoadOptions.DEFAULT)).weight().data();
    for (int i = 0; i < weight.length; i++) {
      assertEquals(weight[i], loaded[i], Math.max(Math.abs(weight[i]) / 2048, 0x1p-25));
    }
    assertFalse(Arrays.equals(weight, loaded));
  }

  @Test
  void weightsHeldAsBfloatsKeepAHeadOfFloats() throws IOException {
    Gpt2Classifier saved = classifier(QkvLayout.FUSED, ClassifierHead.FULL);
    saved.save(folder, DType.F32);
    LoadOptions options = LoadOptions.DEFAULT.withFormat(WeightFormat.BFLOAT16);
    Gpt2Classifier loaded = Gpt2Classifier.load(folder, options);
    assertArrayEquals(score(saved).weight().data(), score(loaded).weight().data());
    assertArrayEquals(logits(saved), logits(loaded), 1e-2f);
  }

  @Test
  void biasThatIsNotZeroIsRefusedBeforeAnythingIsWritten() {
    Gpt2Classifier model = classifier(QkvLayout.FUSED, ClassifierHead.LORA);
    score(model).bias().data()[0] = -0.0f; // still zero
    score(model).bias().data()[2] = 0.25f;
    Path target = folder.resolve("model");
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> model.save(target, DType.F32));
    for (String part : List.of("bias", "0.25", "class 2", "FULL", "adapter")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertFalse(Files.exists(target));
  }

  @Test
  void adaptedModelsAreRefusedBeforeAnythingIsWritten() {
    Path target = folder.resolve("model");
    for (String owner : List.of("", "transformer.h.1.mlp")) {
      Gpt2Classifier model = classifier(QkvLayout.SPLIT, ClassifierHead.LORA);
      model
          .namedModules()
          .get(owner)
          .slots()
          .values()
          .forEach(slot -> slot.set(new StandIn(slot.layer())));
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> model.save(target, DType.F32));
      assertTrue(e.getMessage().contains("merge the adapter first"), e.getMessage());
      assertTrue(e.getMessage().contains(owner.isEmpty() ? "score" : "h.1.mlp"), e.getMessage());
    }
    assertFalse(Files.exists(target));
  }

  @Test
  void headTooLargeForHalvesLeavesTheOldModel() throws IOException {
    classifier(QkvLayout.FUSED, ClassifierHead.FULL).save(folder, DType.F32);
    byte[] before = Files.readAllBytes(folder.resolve("model.safetensors"));
    Gpt2Classifier model = classifier(QkvLayout.FUSED, ClassifierHead.FULL);
    Parameter weight = score(model).weight();
    weight.data()[3] = 1e6f;
    assertThrows(IllegalArgumentException.class, () -> model.save(folder, DType.F16));
    assertArrayEquals(before, Files.readAllBytes(folder.resolve("model.safetensors")));
    assertEquals(List.of("config.json", "model.safetensors"), files(folder));
  }

  @Test
  void labelsThatCouldNotBeReadAgainAreRefused() throws IOException {
    Gpt2 base = Gpt2.initialize(SIZES, QkvLayout.FUSED, 7);
    for (String label : List.of("half \ud83d", "x".repeat(ConfigJson.MAX_BYTES / 2))) {
      Gpt2Classifier model = base.classifier(ClassifierHead.FULL, 5, List.of("a", label));
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> model.save(folder, DType.F32));
      assertTrue(e.getMessage().startsWith("save: labels"), e.getMessage());
    }
    assertEquals(List.of(), files(folder));
    List<String> longest = List.of("a", "x".repeat(ConfigJson.MAX_BYTES / 2 - 1000));
    base.classifier(ClassifierHead.FULL, 5, longest).save(folder, DType.F32);
    assertEquals(longest, Gpt2Classifier.load(folder, LoadOptions.DEFAULT).labels());
  }
}
