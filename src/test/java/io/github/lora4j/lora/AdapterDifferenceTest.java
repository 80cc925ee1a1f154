package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterDifference.ModuleDifference;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Distances of adapters, against the products themselves. */
class AdapterDifferenceTest {

  @TempDir private Path folder;

  private static Path adapter(String name) {
    return Fixtures.folder().resolve("adapters").resolve(name);
  }

  private static double norm(double[][] matrix) {
    double square = 0;
    for (double[] row : matrix) {
      for (double element : row) {
        square += element * element;
      }
    }
    return Math.sqrt(square);
  }

  private static double distance(PublishedBranch one, PublishedBranch other) {
    double[][] first = PublishedBranches.delta(one);
    double[][] second = PublishedBranches.delta(other);
    double larger = Math.max(norm(first), norm(second));
    for (int o = 0; o < first.length; o++) {
      for (int i = 0; i < first[o].length; i++) {
        first[o][i] -= second[o][i];
      }
    }
    return norm(first) / larger;
  }

  private Path mlx(String name, Map<String, PublishedBranch> branches) throws IOException {
    MlxAdapter.write(folder.resolve(name), branches, 4, 0);
    return folder.resolve(name);
  }

  @Test
  void figuresAreThoseOfTheProducts() throws IOException {
    Map<String, PublishedBranch> patterns = PublishedBranches.ofPeft("patterns");
    Map<String, PublishedBranch> plain = PublishedBranches.ofPeft("default-c_attn");
    AdapterDifference difference =
        AdapterDifference.of(adapter("patterns"), adapter("default-c_attn"));
    assertEquals(
        List.of("h.0.attn.c_attn", "h.1.attn.c_attn", "h.2.attn.c_attn"), names(difference));
    assertEquals(List.of("h.0.mlp.c_fc", "h.1.mlp.c_fc", "h.2.mlp.c_fc"), difference.onlyInFirst());
    assertEquals(List.of(), difference.onlyInSecond());
    for (ModuleDifference module : difference.modules()) {
      PublishedBranch one = patterns.get(module.name());
      PublishedBranch other = plain.get(module.name());
      assertEquals(one.rank(), module.first().rank());
      assertEquals(other.alpha(), module.second().alpha());
      assertEquals(one.alpha() / one.rank(), module.first().factor());
      double norm = norm(PublishedBranches.delta(one));
      assertEquals(norm, module.first().norm(), 1e-9 * norm);
      double otherNorm = norm(PublishedBranches.delta(other));
      assertEquals(otherNorm, module.second().norm(), 1e-9 * otherNorm);
      assertEquals(distance(one, other), module.distance(), 1e-9);
      assertTrue(module.distance() > 0.1);
    }
    assertEquals(2, difference.modules().get(1).first().rank());
    assertEquals(4, difference.modules().get(1).second().rank());
    assertTrue(difference.exceeds(2));
  }

  private static List<String> names(AdapterDifference difference) {
    return difference.modules().stream().map(ModuleDifference::name).toList();
  }

  @Test
  void oneUnitInTheLastPlaceIsSeenAndMeasured() throws IOException {
    PublishedBranch branch = PublishedBranches.random(1, 3, 6, 20, 30);
    float[] b = branch.loraB().toArray();
    b[7] = Math.nextUp(b[7]);
    PublishedBranch other =
        new PublishedBranch(3, 6, branch.loraA(), Tensor.of(b, branch.loraB().shape().toArray()));
    Path first = mlx("first", Map.of("h.0.mlp.c_fc", branch));
    Path second = mlx("second", Map.of("h.0.mlp.c_fc", other));
    AdapterDifference difference = AdapterDifference.of(first, second);
    double expected = distance(branch, other);
    assertTrue(expected > 0 && expected < 1e-7, "distance " + expected);
    assertEquals(expected, difference.largestDistance(), 1e-6 * expected);
    assertTrue(difference.exceeds(0));
    assertTrue(difference.exceeds(expected / 2));
    assertFalse(difference.exceeds(expected * 2));
    assertFalse(AdapterDifference.of(first, first).exceeds(0));
    assertThrows(IllegalArgumentException.class, () -> difference.exceeds(Double.NaN));
  }

  @Test
  void sameProductOfOtherFactorsIsNoDistanceButOtherBits() throws IOException {
    PublishedBranch branch = PublishedBranches.random(1, 2, 4, 20, 20);
    float[] b = branch.loraB().toArray();
    for (int i = 0; i < b.length; i++) {
      b[i] *= 2;
    }
    PublishedBranch other =
        new PublishedBranch(2, 2, branch.loraA(), Tensor.of(b, branch.loraB().shape().toArray()));
    AdapterDifference difference =
        AdapterDifference.of(
            mlx("first", Map.of("h.0.attn.c_proj", branch)),
            mlx("second", Map.of("h.0.attn.c_proj", other)));
    assertEquals(0, difference.largestDistance());
    assertTrue(difference.exceeds(0));
    assertFalse(difference.exceeds(1e-12));
  }

  @Test
  void fusedAndSplitAdaptersAreComparedByPublishedNames() throws IOException {
    for (QkvLayout layout : QkvLayout.values()) {
      SequenceModel model =
          Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout).languageModel();
      AdapterFile.load(model, adapter("default-c_attn"));
      String qkv = layout.name();
      AdapterFile.save(
          model,
          new AdapterMetadata(TaskType.CAUSAL_LM, null, List.of(), Map.of("qkv", qkv)),
          folder.resolve(qkv));
    }
    Path fused = folder.resolve("FUSED");
    Path split = folder.resolve("SPLIT");
    AdapterDifference difference = AdapterDifference.of(fused, split);
    assertEquals(
        List.of("h.0.attn.c_attn", "h.1.attn.c_attn", "h.2.attn.c_attn"), names(difference));
    assertFalse(difference.exceeds(0), difference.toString());
    assertFalse(AdapterDifference.of(split, adapter("default-c_attn")).exceeds(0));
    assertEquals(9, AdapterDifference.of(split, split).modules().size());

    Files.delete(split.resolve("adapter_model.safetensors"));
    assertThrows(MismatchException.class, () -> AdapterDifference.of(fused, split));
  }

  @Test
  void magnitudesBiasesAndHeadsAreComparedToo() throws IOException {
    AdapterDifference dora = AdapterDifference.of(adapter("dora"), adapter("dora"));
    assertFalse(dora.exceeds(0));
    assertTrue(
        dora.tensors().stream().anyMatch(tensor -> tensor.name().endsWith("c_attn.magnitude")));
    AdapterDifference head = AdapterDifference.of(adapter("seq-cls"), adapter("all-linear"));
    assertTrue(head.onlyInFirst().contains("score.weight"), head.onlyInFirst().toString());
    assertEquals(List.of("task: SEQ_CLS and CAUSAL_LM"), head.uses());
  }

  @Test
  void adaptersOfDifferentBasesAreRefused() throws IOException {
    Path first = mlx("first", Map.of("h.0.mlp.c_fc", PublishedBranches.random(1, 2, 4, 6, 24)));
    Path second = mlx("second", Map.of("h.0.mlp.c_fc", PublishedBranches.random(1, 2, 4, 8, 24)));
    String message =
        assertThrows(MismatchException.class, () -> AdapterDifference.of(first, second))
            .getMessage();
    assertTrue(message.contains("(6, 24) here, got (8, 24)"), message);
  }
}
