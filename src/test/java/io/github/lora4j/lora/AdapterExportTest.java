package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Models of PEFT's adapters in the formats of others, and back from them. */
class AdapterExportTest {

  private static final int[] IDS = IntStream.range(0, 40).map(i -> i * 37 % 512).toArray();

  @TempDir private Path folder;

  private static SequenceModel base(QkvLayout layout) throws IOException {
    return Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout).languageModel();
  }

  private static SequenceModel adapted(String adapter, QkvLayout layout) throws IOException {
    SequenceModel model = base(layout);
    AdapterFile.load(model, Fixtures.folder().resolve("adapters").resolve(adapter));
    return model;
  }

  private static float[] logits(SequenceModel model) {
    return model.forward(Sequences.of(IDS), null).data();
  }

  @ParameterizedTest
  @CsvSource({
    "patterns, FUSED, SPLIT",
    "patterns, SPLIT, FUSED",
    "rslora, FUSED, FUSED",
    "all-linear, SPLIT, SPLIT"
  })
  void whatGoesToMlxAndBackAnswersAsBefore(String adapter, QkvLayout from, QkvLayout to)
      throws IOException {
    SequenceModel before = adapted(adapter, from);
    AdapterExport.writeMlx(before, folder);
    SequenceModel after = base(to);
    float[] unadapted = logits(after);
    AdapterExport.readMlx(after, folder);
    float[] expected = logits(before);
    assertArrayEquals(expected, logits(after), 1e-5f);
    assertTrue(largestDifference(expected, unadapted) > 1e-2f, "the adapter changes the answers");
  }

  @Test
  void branchesThatStartAsPissaDoesAreCarriedWithWhatTheyStartedAs() throws IOException {
    SequenceModel before = base(QkvLayout.FUSED);
    before.freeze();
    Lora.apply(before, LoraConfig.of(4, 8f).withInit(LoraInit.PISSA));
    before
        .trainedParameters()
        .forEach(
            (name, parameter) -> {
              for (int i = 0; i < parameter.data().length; i++) {
                parameter.data()[i] *= 1.25f; // as if trained
              }
            });
    AdapterExport.writeMlx(before, folder);
    SequenceModel after = base(QkvLayout.FUSED);
    float[] unadapted = logits(after);
    AdapterExport.readMlx(after, folder);
    float[] expected = logits(before);
    assertArrayEquals(expected, logits(after), 1e-4f);
    assertTrue(largestDifference(expected, unadapted) > 1e-2f);
  }

  private static float largestDifference(float[] one, float[] other) {
    float largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - other[i]));
    }
    return largest;
  }

  @Test
  void mlxCountsTheBlocksOfTheModelNotThoseThatAreAdapted() throws IOException {
    AdapterExport.writeMlx(adapted("layers-1", QkvLayout.FUSED), folder);
    Map<String, Object> config =
        Fixtures.asMap(Fixtures.value(folder.resolve("adapter_config.json")));
    int blocks = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny")).config().nLayer();
    assertEquals(blocks - 1.0, config.get("num_layers"));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void ggufHoldsTheBranchesOfPeftsFile(QkvLayout layout) throws IOException {
    Path file = folder.resolve("adapter.gguf");
    AdapterExport.writeGguf(adapted("all-linear", layout), file, "four");
    GgufFile gguf = GgufFile.read(file);
    assertEquals("four", gguf.metadata.get("general.name"));
    assertEquals(8f, gguf.metadata.get("adapter.lora.alpha"));
    Map<String, PublishedBranch> branches = PublishedBranches.ofPeft("all-linear");
    assertEquals(2 * branches.size(), gguf.tensors.size());
    branches.forEach(
        (name, branch) -> {
          String weight = BlockModule.requirePublished("test", name).ggufWeight();
          float[] a = branch.loraA().data();
          float[] b = branch.loraB().data();
          assertArrayEquals(a, gguf.tensors.get(weight + ".lora_a").elements(), name);
          assertArrayEquals(b, gguf.tensors.get(weight + ".lora_b").elements(), name);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "dora, transformer.h.0.attn.c_attn.magnitude",
    "bias-lora_only, transformer.h.0.attn.c_attn.linear.bias"
  })
  void whatTheFormatsCannotCarryIsNamed(String adapter, String named) throws IOException {
    assertRefused(adapted(adapter, QkvLayout.FUSED), named);
  }

  @Test
  void headAndModulesTrainedWholeAreNamedTogether() throws IOException {
    Gpt2 base = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"));
    SequenceModel model = base.classifier(ClassifierHead.FULL, 1, 2);
    model.freeze();
    Lora.replaceLinearWithLora(model, 2, 4);
    SequenceModel trained = base.classifier(ClassifierHead.FULL, 1, 2);
    trained.unfreeze();
    assertRefused(model, "score.");
    assertRefused(trained, "transformer.h.1.mlp.c_proj.weight");
    assertRefused(trained, "score.weight");
    assertRefused(trained, "transformer.wte.weight");
    assertRefused(base(QkvLayout.FUSED), "at least one branch");
  }

  private void assertRefused(SequenceModel model, String named) throws IOException {
    for (String message :
        List.of(
            assertThrows(
                    IllegalArgumentException.class,
                    () -> AdapterExport.writeGguf(model, folder.resolve("a.gguf"), null))
                .getMessage(),
            assertThrows(
                    IllegalArgumentException.class, () -> AdapterExport.writeMlx(model, folder))
                .getMessage())) {
      assertTrue(message.contains(named), message);
      assertTrue(message.contains("merge it") || message.contains("adapt a module"), message);
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void adapterOfAnotherModelIsRefusedWithAllThatDoesNotFit() throws IOException {
    MlxAdapter.write(
        folder,
        Map.of(
            "h.0.attn.c_attn", PublishedBranches.random(1, 2, 4, 48, 96),
            "h.7.attn.c_proj", PublishedBranches.random(3, 2, 4, 48, 48),
            "h.1.mlp.c_fc", PublishedBranches.random(5, 2, 4, 48, 192)),
        8,
        0);
    SequenceModel model = base(QkvLayout.SPLIT);
    float[] before = logits(model);
    String message =
        assertThrows(MismatchException.class, () -> AdapterExport.readMlx(model, folder))
            .getMessage();
    assertTrue(message.contains("h.0.attn.c_attn B (out, r)"), message);
    assertTrue(message.contains("'h.7.attn.c_proj'"), message);
    assertFalse(message.contains("h.1.mlp.c_fc A"), message);
    assertArrayEquals(before, logits(model));
  }

  @Test
  void branchThatIsThereIsReplaced() throws IOException {
    AdapterExport.writeMlx(adapted("default-c_attn", QkvLayout.FUSED), folder);
    SequenceModel other = adapted("default-c_attn", QkvLayout.FUSED);
    for (var parameter : other.trainedParameters().values()) {
      Tensor tensor = parameter.tensor();
      tensor.data()[0] += 3;
    }
    AdapterExport.readMlx(other, folder);
    assertArrayEquals(logits(adapted("default-c_attn", QkvLayout.FUSED)), logits(other), 1e-5f);
  }

  @Test
  void branchesElsewhereInTheModelAreNamedAndNothingIsChanged() throws IOException {
    AdapterExport.writeMlx(adapted("default-c_attn", QkvLayout.FUSED), folder);
    SequenceModel model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny")).classifier(ClassifierHead.LORA, 3, 3);
    model.freeze();
    Targets others = Targets.named("c_attn", "mlp.c_fc", "score");
    Lora.apply(model, LoraConfig.of(2, 4).withTargets(others));
    ModelState before = ModelState.of(model);
    MismatchException e =
        assertThrows(MismatchException.class, () -> AdapterExport.readMlx(model, folder));
    assertEquals("AD-09", e.code());
    assertTrue(e.getMessage().contains("with 4 differences:"), e.getMessage());
    for (String path :
        List.of(
            "transformer.h.0.mlp.c_fc",
            "transformer.h.1.mlp.c_fc",
            "transformer.h.2.mlp.c_fc",
            "score")) {
      String fault = "  " + path + ": adapted in the model, not in the adapter";
      assertTrue(e.getMessage().contains(fault), e.getMessage());
    }
    assertEquals(before, ModelState.of(model));
  }
}
