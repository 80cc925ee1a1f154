package io.github.lora4j.lora;

import static io.github.lora4j.lora.PublishedBranches.delta;
import static io.github.lora4j.lora.PublishedBranches.random;
import static io.github.lora4j.lora.PublishedBranches.relativeError;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.lora.GgufFile.GgufTensor;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The file as a reader that knows only GGUF's specification and llama.cpp's rules sees it. */
class GgufAdapterTest {

  @TempDir private Path folder;

  /** A block of a model with 6 channels; no size is a multiple of the alignment. */
  private static Map<String, PublishedBranch> block() {
    Map<String, PublishedBranch> branches = new LinkedHashMap<>();
    branches.put("h.10.mlp.c_proj", random(1, 3, 7f, 24, 6));
    branches.put("h.2.mlp.c_fc", random(3, 3, 7f, 6, 24));
    branches.put("h.2.attn.c_proj", random(5, 3, 7f, 6, 6));
    branches.put("h.0.attn.c_attn", random(7, 3, 7f, 6, 18));
    return branches;
  }

  private GgufFile written(Map<String, PublishedBranch> branches) throws IOException {
    Path file = folder.resolve("adapter.gguf");
    GgufAdapter.write(file, branches, null);
    return GgufFile.read(file);
  }

  /** What llama.cpp adds to a weight, by its own rules: {@code alpha / b.ne[0] * b a}. */
  private static double[][] added(GgufFile file, String weight) {
    GgufTensor a = file.tensors.get(weight + ".lora_a");
    GgufTensor b = file.tensors.get(weight + ".lora_b");
    assertEquals(a.ne()[1], b.ne()[0]);
    int rank = (int) b.ne()[0];
    float alpha = (float) file.metadata.get("adapter.lora.alpha");
    return delta(alpha / rank, a.elements(), b.elements(), rank);
  }

  @Test
  void theMetadataAreThoseOfALoraAdapterOfGpt2() throws IOException {
    Map<String, Object> expected =
        Map.of(
            "general.architecture",
            "gpt2",
            "general.type",
            "adapter",
            "general.file_type",
            0,
            "adapter.type",
            "lora",
            "adapter.lora.alpha",
            7f);
    assertEquals(expected, written(block()).metadata);
    Path named = folder.resolve("named.gguf");
    GgufAdapter.write(named, block(), "Schrödinger");
    assertEquals("Schrödinger", GgufFile.read(named).metadata.get("general.name"));
  }

  @Test
  void tensorsAreNamedAsLlamaCppNamesThemInTheOrderOfTheModel() throws IOException {
    assertEquals(
        List.of(
            "blk.0.attn_qkv.weight.lora_a",
            "blk.0.attn_qkv.weight.lora_b",
            "blk.2.attn_output.weight.lora_a",
            "blk.2.attn_output.weight.lora_b",
            "blk.2.ffn_up.weight.lora_a",
            "blk.2.ffn_up.weight.lora_b",
            "blk.10.ffn_down.weight.lora_a",
            "blk.10.ffn_down.weight.lora_b"),
        List.copyOf(written(block()).tensors.keySet()));
  }

  @Test
  void nothingIsTransposedAndBranchesOfOneAlphaAreCarriedBitForBit() throws IOException {
    GgufFile file = written(block());
    PublishedBranch branch = block().get("h.0.attn.c_attn");
    GgufTensor a = file.tensors.get("blk.0.attn_qkv.weight.lora_a");
    GgufTensor b = file.tensors.get("blk.0.attn_qkv.weight.lora_b");
    assertArrayEquals(new long[] {6, 3}, a.ne());
    assertArrayEquals(new long[] {3, 18}, b.ne());
    assertArrayEquals(branch.loraA().data(), a.elements());
    assertArrayEquals(branch.loraB().data(), b.elements());
    for (String weight : List.of("blk.2.attn_output", "blk.2.ffn_up", "blk.10.ffn_down")) {
      assertTrue(file.tensors.containsKey(weight + ".weight.lora_a"));
    }
    assertTrue(
        relativeError(
                delta(block().get("h.2.attn.c_proj")), added(file, "blk.2.attn_output.weight"))
            < 1e-7);
  }

  @Test
  void whatIsAddedIsWhatPeftMerges() throws IOException {
    for (String adapter : List.of("all-linear", "patterns")) {
      GgufFile file = written(PublishedBranches.ofPeft(adapter));
      double[][] attention =
          PublishedBranches.widened(PublishedBranches.peftDelta(adapter, "h.1.attn.c_attn"));
      double[][] up =
          PublishedBranches.widened(PublishedBranches.peftDelta(adapter, "h.1.mlp.c_fc"));
      assertTrue(relativeError(attention, added(file, "blk.1.attn_qkv.weight")) < 1e-6, adapter);
      assertTrue(relativeError(up, added(file, "blk.1.ffn_up.weight")) < 1e-6, adapter);
    }
  }

  @Test
  void ranksMayDifferAndAnotherAlphaGoesIntoB() throws IOException {
    Map<String, PublishedBranch> branches = block();
    PublishedBranch wide = random(11, 5, 7f, 6, 18); // same alpha, other rank: unchanged
    PublishedBranch doubled = random(13, 4, 14f, 6, 6); // a power of two: exact
    PublishedBranch odd = random(15, 2, 3f, 6, 6); // rounded once
    branches.put("h.1.attn.c_attn", wide);
    branches.put("h.3.attn.c_proj", doubled);
    branches.put("h.4.attn.c_proj", odd);
    GgufFile file = written(branches);
    assertEquals(7f, file.metadata.get("adapter.lora.alpha"));
    assertArrayEquals(
        wide.loraB().data(), file.tensors.get("blk.1.attn_qkv.weight.lora_b").elements());
    float[] twice = doubled.loraB().toArray();
    for (int i = 0; i < twice.length; i++) {
      twice[i] *= 2;
    }
    assertArrayEquals(twice, file.tensors.get("blk.3.attn_output.weight.lora_b").elements());
    float[] rounded = file.tensors.get("blk.4.attn_output.weight.lora_b").elements();
    for (int i = 0; i < rounded.length; i++) {
      double exact = odd.loraB().data()[i] * 3.0 / 7.0;
      assertEquals(exact, rounded[i], Math.ulp((float) exact) * 0.501);
    }
    for (PublishedBranch branch : List.of(wide, doubled, odd)) {
      String weight =
          branch == wide
              ? "blk.1.attn_qkv.weight"
              : branch == doubled ? "blk.3.attn_output.weight" : "blk.4.attn_output.weight";
      assertTrue(relativeError(delta(branch), added(file, weight)) < 3e-7, weight);
    }
  }

  @Test
  void theAlphaThatMostBranchesHaveIsTheFilesTheFirstInADraw() throws IOException {
    Map<String, PublishedBranch> branches = new LinkedHashMap<>();
    branches.put("h.1.attn.c_attn", random(1, 2, 5f, 6, 18));
    branches.put("h.0.attn.c_attn", random(3, 2, 3f, 6, 18));
    assertEquals(3f, written(branches).metadata.get("adapter.lora.alpha"));
    branches.put("h.2.attn.c_attn", random(5, 2, 5f, 6, 18));
    assertEquals(5f, written(branches).metadata.get("adapter.lora.alpha"));
  }

  @Test
  void theBytesDependOnTheBranchesAlone() throws IOException {
    Path first = folder.resolve("first.gguf");
    Path second = folder.resolve("second.gguf");
    GgufAdapter.write(first, block(), "n");
    Map<String, PublishedBranch> reversed = new LinkedHashMap<>();
    List.of("h.0.attn.c_attn", "h.2.attn.c_proj", "h.2.mlp.c_fc", "h.10.mlp.c_proj")
        .forEach(name -> reversed.put(name, block().get(name)));
    GgufAdapter.write(second, reversed, "n");
    assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
  }

  @Test
  void aTensorOfManyBlocksIsWrittenWhole() throws IOException {
    PublishedBranch large = random(1, 33, 8f, 5000, 70); // beyond the 65,536 floats of a block
    GgufFile file = written(Map.of("h.0.mlp.c_proj", large));
    assertArrayEquals(
        large.loraA().data(), file.tensors.get("blk.0.ffn_down.weight.lora_a").elements());
  }

  @Test
  void whatTheFormatHasNoPlaceForIsRefused() {
    PublishedBranch branch = random(1, 2, 2f, 6, 6);
    refused("at least one branch expected, got none", Map.of());
    for (String name :
        List.of(
            "score",
            "wte",
            "h.0.attn",
            "h.01.attn.c_proj",
            "h.0.attn.c_proj.weight",
            "transformer.h.0.attn.c_proj",
            "h.-1.attn.c_proj",
            "h.123456.attn.c_proj",
            "")) {
      refused("got " + name + " (", Map.of(name, branch));
    }
    refused("h.0.attn.c_attn", Map.of("sc\u001bore", branch));
    int tooHigh = LoraConfig.MAX_RANK + 1;
    refused(
        "a rank in [1, 32768] expected, got 32769",
        Map.of(
            "h.0.attn.c_proj",
            new PublishedBranch(tooHigh, 1, Tensor.zeros(tooHigh, 1), Tensor.zeros(1, tooHigh))));
    for (float alpha : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
      refused(
          "a finite alpha above 0 expected, got " + alpha,
          Map.of("h.0.attn.c_proj", new PublishedBranch(2, alpha, branch.loraA(), branch.loraB())));
    }
    refused(
        "A (3, in) and B (out, 3) expected, got",
        Map.of("h.0.attn.c_proj", new PublishedBranch(3, 1, branch.loraA(), branch.loraB())));
    refused(
        "B overflows",
        Map.of(
            "h.0.attn.c_proj",
            branch,
            "h.1.attn.c_proj",
            branch,
            "h.2.attn.c_proj",
            new PublishedBranch(2, 3e38f, branch.loraA(), branch.loraB())));
  }

  private void refused(String said, Map<String, PublishedBranch> branches) {
    Path file = folder.resolve("refused.gguf");
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> GgufAdapter.write(file, branches, null));
    assertTrue(e.getMessage().startsWith("save as GGUF: "), e.getMessage());
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertTrue(e.getMessage().endsWith(")"), "names the remedy: " + e.getMessage());
    assertTrue(e.getMessage().indexOf('\u001b') < 0, "escaped");
    assertFalse(Files.exists(file));
  }

  @Test
  void whatIsNotFiniteIsRefused() {
    PublishedBranch branch = random(1, 2, 2f, 6, 6);
    branch.loraB().data()[5] = Float.NaN;
    Path file = folder.resolve("refused.gguf");
    NonFiniteException e =
        assertThrows(
            NonFiniteException.class,
            () -> GgufAdapter.write(file, Map.of("h.0.attn.c_proj", branch), null));
    assertEquals("AD-17", e.code());
    assertEquals("h.0.attn.c_proj.lora_B", e.location());
    assertFalse(Files.exists(file));
  }
}
