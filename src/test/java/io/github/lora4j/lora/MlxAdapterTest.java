package io.github.lora4j.lora;

import static io.github.lora4j.lora.PublishedBranches.delta;
import static io.github.lora4j.lora.PublishedBranches.random;
import static io.github.lora4j.lora.PublishedBranches.relativeError;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What mlx-lm finds in the folder, and what comes back from it. */
class MlxAdapterTest {

  @TempDir private Path folder;

  private static Map<String, PublishedBranch> alike() {
    Map<String, PublishedBranch> branches = new LinkedHashMap<>();
    branches.put("h.10.mlp.c_proj", random(1, 3, 7f, 24, 6));
    branches.put("h.2.mlp.c_fc", random(3, 3, 7f, 6, 24));
    branches.put("h.2.attn.c_proj", random(5, 3, 7f, 6, 6));
    branches.put("h.2.attn.c_attn", random(7, 3, 7f, 6, 18));
    return branches;
  }

  private SafetensorsFile tensors() throws IOException {
    return SafetensorsFile.open(folder.resolve("adapters.safetensors"));
  }

  private Map<String, Object> config() throws IOException {
    return Fixtures.asMap(Fixtures.value(folder.resolve("adapter_config.json")));
  }

  /** What mlx-lm adds to a weight by its own rule, {@code (scale * b.T) @ a.T}. */
  private double[][] added(String name) throws IOException {
    double scale = (double) Fixtures.asMap(config().get("lora_parameters")).get("scale");
    Tensor a = PublishedBranches.tensor(tensors(), "model." + name + ".lora_a");
    Tensor b = PublishedBranches.tensor(tensors(), "model." + name + ".lora_b");
    int in = a.shape().dim(0);
    int rank = a.shape().dim(1);
    int out = b.shape().dim(1);
    assertEquals(rank, b.shape().dim(0));
    double[][] delta = new double[out][in];
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < in; i++) {
        for (int r = 0; r < rank; r++) {
          delta[o][i] += scale * b.data()[r * out + o] * a.data()[i * rank + r];
        }
      }
    }
    return delta;
  }

  @Test
  void theFilesAreThoseOfMlxLm() throws IOException {
    MlxAdapter.write(folder, alike(), 12, 0.25f);
    Map<String, Object> expected =
        Map.of(
            "fine_tune_type",
            "lora",
            "num_layers",
            10.0, // blocks 2 to 11
            "lora_parameters",
            Map.of(
                "rank",
                3.0,
                "scale",
                2.3333333,
                "dropout",
                0.25,
                "keys",
                List.of("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")));
    assertEquals(expected, config());
    assertEquals(
        Set.of(
            "model.h.10.mlp.c_proj.lora_a",
            "model.h.10.mlp.c_proj.lora_b",
            "model.h.2.mlp.c_fc.lora_a",
            "model.h.2.mlp.c_fc.lora_b",
            "model.h.2.attn.c_proj.lora_a",
            "model.h.2.attn.c_proj.lora_b",
            "model.h.2.attn.c_attn.lora_a",
            "model.h.2.attn.c_attn.lora_b"),
        tensors().names());
    assertEquals(List.of(6L, 3L), tensors().tensors().get("model.h.2.attn.c_attn.lora_a").shape());
    assertEquals(List.of(3L, 18L), tensors().tensors().get("model.h.2.attn.c_attn.lora_b").shape());
    float[] a = tensors().readFloats("model.h.2.attn.c_attn.lora_a");
    float[] own = alike().get("h.2.attn.c_attn").loraA().data(); // (3, 6)
    assertEquals(own[2 * 6 + 4], a[4 * 3 + 2]);
  }

  @Test
  void whatIsAddedIsWhatPeftMerges() throws IOException {
    for (String adapter : List.of("all-linear", "patterns")) {
      MlxAdapter.write(folder, PublishedBranches.ofPeft(adapter), 3, 0);
      for (String name : List.of("h.1.attn.c_attn", "h.1.mlp.c_fc")) {
        double[][] merged = PublishedBranches.widened(PublishedBranches.peftDelta(adapter, name));
        assertTrue(relativeError(merged, added(name)) < 1e-6, adapter + " " + name);
      }
    }
  }

  @Test
  void branchesOfOneRankAndScalingComeBackBitForBit() throws IOException {
    MlxAdapter.write(folder, alike(), 12, 0);
    assertSame(alike(), MlxAdapter.read(folder));
  }

  private static void assertSame(
      Map<String, PublishedBranch> expected, Map<String, PublishedBranch> got) {
    assertEquals(expected.keySet(), got.keySet());
    expected.forEach(
        (name, branch) -> {
          PublishedBranch back = got.get(name);
          assertEquals(branch.rank(), back.rank(), name);
          assertEquals(branch.alpha(), back.alpha(), name);
          assertEquals(branch.loraA().shape(), back.loraA().shape(), name);
          assertEquals(branch.loraB().shape(), back.loraB().shape(), name);
          assertArrayEquals(branch.loraA().data(), back.loraA().data(), name);
          assertArrayEquals(branch.loraB().data(), back.loraB().data(), name);
        });
  }

  @Test
  void aWholeAlphaComesBackForEveryRank() {
    for (int rank = 1; rank <= 200; rank++) {
      for (int alpha = 1; alpha <= 512; alpha++) {
        assertEquals(alpha, MlxReader.alpha((float) alpha / rank, rank), rank + " " + alpha);
      }
      assertEquals(0.3f / rank, MlxReader.alpha(0.3f / rank, rank) / rank, "rank " + rank);
    }
  }

  @Test
  void differingRanksArePaddedAndDifferingScalingsGoIntoB() throws IOException {
    Map<String, PublishedBranch> branches = alike(); // scaling 7/3
    PublishedBranch wide = random(11, 6, 14f, 6, 18); // the same scaling, the highest rank
    PublishedBranch quarter = random(13, 12 / 4, 1.75f, 6, 6); // a quarter: exact
    PublishedBranch odd = random(15, 2, 3f, 6, 6); // rounded once
    branches.put("h.3.attn.c_attn", wide);
    branches.put("h.3.attn.c_proj", quarter);
    branches.put("h.4.attn.c_proj", odd);
    MlxAdapter.write(folder, branches, 12, 0);

    Map<String, PublishedBranch> back = MlxAdapter.read(folder);
    back.forEach(
        (name, branch) -> {
          assertEquals(6, branch.rank());
          assertEquals(14f, branch.alpha());
          double error = relativeError(delta(branches.get(name)), delta(branch));
          assertTrue(error < 2e-7, name + " " + error);
          assertTrue(name.startsWith("h.4") || error < 1e-15, "exact: " + name + " " + error);
        });
    PublishedBranch padded = back.get("h.2.attn.c_proj"); // its own rank is 3
    PublishedBranch own = branches.get("h.2.attn.c_proj");
    for (int i = 0; i < 6; i++) {
      for (int r = 0; r < 6; r++) {
        float a = r < 3 ? own.loraA().data()[r * 6 + i] : 0;
        float b = r < 3 ? own.loraB().data()[i * 3 + r] : 0;
        assertEquals(a, padded.loraA().data()[r * 6 + i]);
        assertEquals(b, padded.loraB().data()[i * 6 + r]);
      }
    }
    for (int i = 0; i < 6; i++) {
      assertEquals(
          quarter.loraB().data()[i * 3] / 4, back.get("h.3.attn.c_proj").loraB().data()[i * 6]);
    }
  }

  @Test
  void theBytesDependOnTheBranchesAlone() throws IOException {
    Path other = folder.resolve("other");
    MlxAdapter.write(folder, alike(), 12, 0);
    Map<String, PublishedBranch> reversed = new LinkedHashMap<>();
    List.of("h.2.attn.c_attn", "h.2.attn.c_proj", "h.2.mlp.c_fc", "h.10.mlp.c_proj")
        .forEach(name -> reversed.put(name, alike().get(name)));
    MlxAdapter.write(other, reversed, 12, 0);
    for (String name : List.of("adapters.safetensors", "adapter_config.json")) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve(name)), Files.readAllBytes(other.resolve(name)));
    }
  }

  @Test
  void whatTheFormatHasNoPlaceForIsRefused() {
    PublishedBranch branch = random(1, 2, 2f, 6, 6);
    refused("at least one branch expected, got none", Map.of(), 1, 0);
    refused("got score (", Map.of("score", branch), 1, 0);
    refused("1 blocks and a branch in block 1", Map.of("h.1.attn.c_proj", branch), 1, 0);
    refused("a dropout in [0, 1)", Map.of("h.0.attn.c_proj", branch), 1, 1);
    int rank = LoraConfig.MAX_RANK;
    PublishedBranch high =
        new PublishedBranch(rank, 1, Tensor.zeros(rank, 1), Tensor.zeros(1, rank));
    PublishedBranch broad = random(1, 1, 1f, 70_000, 1);
    refused(
        "beside one of rank 32768", Map.of("h.0.attn.c_proj", high, "h.0.mlp.c_proj", broad), 1, 0);
  }

  private void refused(
      String said, Map<String, PublishedBranch> branches, int blocks, float dropout) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> MlxAdapter.write(folder, branches, blocks, dropout));
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertFalse(Files.exists(folder.resolve("adapter_config.json")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"adapter_model.safetensors", "adapter_model.bin", "lora4j.json"})
  void anAdapterOfAnotherKindIsNotDamaged(String file) throws IOException {
    Files.writeString(folder.resolve(file), "");
    Files.writeString(folder.resolve("adapter_config.json"), "PEFT's");
    FileAlreadyExistsException e =
        assertThrows(
            FileAlreadyExistsException.class, () -> MlxAdapter.write(folder, alike(), 12, 0));
    assertTrue(e.getMessage().contains("choose another folder"), e.getMessage());
    assertEquals("PEFT's", Files.readString(folder.resolve("adapter_config.json")));
  }

  @Test
  void whatIsNotFiniteIsNotWritten() {
    Map<String, PublishedBranch> branches = alike();
    branches.get("h.2.mlp.c_fc").loraA().data()[1] = Float.NEGATIVE_INFINITY;
    NonFiniteException e =
        assertThrows(NonFiniteException.class, () -> MlxAdapter.write(folder, branches, 12, 0));
    assertEquals("AD-17", e.code());
    assertEquals("h.2.mlp.c_fc.lora_A", e.location());
    assertFalse(Files.exists(folder.resolve("adapters.safetensors")));
  }
}
