package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.SmallModels.Classifier;
import io.github.lora4j.lora.SmallModels.Mlp;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PeftAdapterTest {

  private static final Tensor X = SmallModels.random(7, 6, 4);
  private static final String H = "base_model.model.transformer.h.";

  private static PeftAdapter peft(Module model) {
    return PeftAdapter.of(model, AdapterMetadata.of(TaskType.SEQ_CLS));
  }

  private static Classifier adapted(boolean split, LoraConfig config) {
    Classifier model = new Classifier(2, split, 5);
    model.freeze();
    Lora.apply(model, config);
    SmallModels.randomizeB(model, 3);
    return model;
  }

  @Test
  void theConfigurationIsWrittenAsPythonWouldWriteIt(@TempDir Path folder) throws IOException {
    AdapterMetadata metadata =
        new AdapterMetadata(TaskType.SEQ_CLS, "openai-community/gpt2", List.of(), Map.of());
    AdapterFile.save(adapted(false, LoraConfig.of(2, 16)), metadata, folder);
    assertEquals(
        """
        {
          "base_model_name_or_path": "openai-community/gpt2",
          "bias": "none",
          "fan_in_fan_out": true,
          "inference_mode": true,
          "init_lora_weights": true,
          "lora_alpha": 16,
          "lora_dropout": 0.0,
          "modules_to_save": [
            "score"
          ],
          "peft_type": "LORA",
          "r": 2,
          "revision": null,
          "target_modules": [
            "c_attn",
            "c_proj"
          ],
          "task_type": "SEQ_CLS"
        }
        """,
        Files.readString(folder.resolve("adapter_config.json")));
  }

  @Test
  void theTensorsAreInAFileOfPytorch(@TempDir Path folder) throws IOException {
    Classifier model = adapted(false, LoraConfig.of(2, 16));
    AdapterFile.save(model, AdapterMetadata.of(TaskType.SEQ_CLS), folder);
    SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"));
    assertEquals(Map.of("format", "pt"), file.metadata());
    assertEquals(List.of(2L, 4L), file.tensors().get(H + "0.attn.c_attn.lora_A.weight").shape());
    assertEquals(List.of(12L, 2L), file.tensors().get(H + "0.attn.c_attn.lora_B.weight").shape());
    assertEquals(List.of(2L, 4L), file.tensors().get("base_model.model.score.weight").shape());
    assertEquals(9, file.tensors().size());
    float[] b = file.readFloats(H + "1.attn.c_attn.lora_B.weight");
    float[] own =
        model.namedParameters().get("transformer.h.1.attn.c_attn.lora.B").data(); // (r, out)
    for (int out = 0; out < 12; out++) {
      assertEquals(own[out], b[2 * out]);
      assertEquals(own[12 + out], b[2 * out + 1]);
    }
  }

  @Test
  void splitBranchesBecomeOneOfThriceTheRank() {
    PeftAdapter peft = peft(adapted(true, LoraConfig.of(2, 5)));
    assertEquals(6, peft.tensors().get(H + "0.attn.c_attn.lora_A.weight").shape().dim(0));
    float[] b = peft.tensors().get(H + "0.attn.c_attn.lora_B.weight").data();
    assertEquals(12 * 6, b.length);
    for (int row = 0; row < 12; row++) {
      for (int column = 0; column < 6; column++) {
        assertEquals(row / 4 == column / 2, b[row * 6 + column] != 0);
      }
    }
    // c_attn and c_proj are as many: the first name counts as the rule, the other as the exception.
    assertEquals(6, peft.config().get("r"));
    assertEquals(15, peft.config().get("lora_alpha"));
    assertEquals(Map.of("c_proj", 2), peft.config().get("rank_pattern"));
    assertEquals(Map.of("c_proj", 5), peft.config().get("alpha_pattern"));
  }

  static List<Arguments> models() {
    LoraConfig config = LoraConfig.of(3, 4);
    return List.of(
        Arguments.of(false, List.of(config)),
        Arguments.of(true, List.of(config)),
        Arguments.of(true, List.of(config.withTargets(Targets.named("value", "query")))),
        Arguments.of(
            true,
            List.of(
                config.withTargets(Targets.named("value")),
                LoraConfig.of(2, 7).withTargets(Targets.named("query", "c_proj").inLayers(1)))),
        Arguments.of(
            false,
            List.of(
                config.withTargets(Targets.named("c_attn").inLayers(1)),
                LoraConfig.of(5, 1).withTargets(Targets.all()))));
  }

  @ParameterizedTest
  @MethodSource("models")
  void theFilesMeanWhatTheModelComputes(boolean split, List<LoraConfig> configs) {
    Classifier model = new Classifier(2, split, 5);
    configs.forEach(config -> Lora.apply(model, config));
    SmallModels.randomizeB(model, 3);
    PeftAdapter peft = peft(model);

    Classifier base = new Classifier(2, false, 99);
    Set<String> used = merge(peft, base);

    assertEquals(peft.tensors().keySet(), used);
    float[] expected = model.forward(X).data();
    float[] got = base.forward(X).data();
    float largest = 0;
    for (float v : expected) {
      largest = Math.max(largest, Math.abs(v));
    }
    // Sums of at most 16 products in float32, four layers deep: a few dozen roundings of 6e-8.
    assertArrayEquals(expected, got, 1e-5f * largest);
  }

  /** Does to a fused base what PEFT does when it reads and merges; returns the tensors it used. */
  private static Set<String> merge(PeftAdapter peft, Module base) {
    Map<String, Object> config = peft.config();
    Set<String> used = new TreeSet<>();
    base.namedModules()
        .forEach(
            (path, module) -> {
              if (!(module instanceof Linear linear)) {
                return;
              }
              float[] weight = linear.weight().data();
              Tensor whole = peft.tensors().get("base_model.model." + path + ".weight");
              if (whole != null) {
                used.add("base_model.model." + path + ".weight");
                System.arraycopy(whole.data(), 0, weight, 0, weight.length);
              } else if (((Set<?>) config.get("target_modules"))
                  .stream().anyMatch(t -> path.equals(t) || path.endsWith("." + t))) {
                String name = "base_model.model." + path;
                Tensor a = peft.tensors().get(name + ".lora_A.weight");
                Tensor b = peft.tensors().get(name + ".lora_B.weight");
                used.addAll(Set.of(name + ".lora_A.weight", name + ".lora_B.weight"));
                double rank = pattern(config.get("rank_pattern"), path, config.get("r"));
                double alpha = pattern(config.get("alpha_pattern"), path, config.get("lora_alpha"));
                assertEquals(a.shape().dim(0), rank, path);
                addProduct(weight, alpha / rank, b, a);
              }
            });
    return used;
  }

  /** PEFT's rule: the first key that a pattern around it matches. */
  private static double pattern(Object patterns, String path, Object otherwise) {
    Object found = otherwise;
    if (patterns != null) {
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) patterns).entrySet()) {
        if (path.matches("(.*\\.)?(" + entry.getKey() + ")")) {
          found = entry.getValue();
          break;
        }
      }
    }
    return ((Number) found).doubleValue();
  }

  private static void addProduct(float[] weight, double scaling, Tensor b, Tensor a) {
    int in = a.shape().dim(1);
    int rank = a.shape().dim(0);
    for (int i = 0; i < weight.length; i++) {
      double product = 0;
      for (int r = 0; r < rank; r++) {
        product += (double) b.data()[i / in * rank + r] * a.data()[r * in + i % in];
      }
      weight[i] += (float) (scaling * product);
    }
  }

  @Test
  void targetsAreAsShortAsTheyMayBe() {
    assertEquals(Set.of("c_attn"), targets(Targets.named("c_attn")));
    assertEquals(Set.of("c_attn"), targets(Targets.named("query")));
    assertEquals(Set.of("c_attn", "c_proj"), targets(Targets.all()));
    assertEquals(Set.of("h.1.attn.c_attn", "h.1.attn.c_proj"), targets(Targets.all().inLayers(1)));
  }

  private static Set<?> targets(Targets targets) {
    PeftAdapter peft = peft(adapted(true, LoraConfig.of(1, 1).withTargets(targets)));
    return new LinkedHashSet<>((Set<?>) peft.config().get("target_modules"));
  }

  @Test
  void theDropoutIsTold() {
    assertEquals(
        0.25f,
        peft(adapted(true, LoraConfig.of(1, 1).withDropout(0.25f))).config().get("lora_dropout"));
  }

  @Test
  void aHeadIsSavedWholeEvenIfItIsNotAdapted() {
    Classifier model = adapted(false, LoraConfig.of(1, 1).withTargets(Targets.named("c_attn")));
    PeftAdapter peft = peft(model);
    assertArrayEquals(
        model.namedParameters().get("score.weight").data(),
        peft.tensors().get("base_model.model.score.weight").data());
    assertEquals(Set.of("score"), peft.config().get("modules_to_save"));
  }

  @Test
  void whatHasNoPlaceIsNamedIfItIsNotZero() {
    final class WithBias extends Module {
      private final Slot score = slot("score", new Linear(4, 2, true, 1));

      WithBias() {
        child("transformer", new SmallModels.Body(1, false));
      }
    }
    WithBias model = new WithBias();
    model.freeze();
    Lora.replaceLinearWithLora(model, 1, 1);
    assertEquals(List.of("score.linear.bias"), peft(model).leftOut());
    ((LinearWithLoRA) model.score.layer()).linear().bias().data()[0] = 0;
    ((LinearWithLoRA) model.score.layer()).linear().bias().data()[1] = 0;
    assertEquals(List.of(), peft(model).leftOut());
    assertFalse(peft(model).tensors().containsKey("base_model.model.score.bias"));
  }

  @Test
  void withoutPublishedModulesThereIsNothingToTell() {
    Mlp mlp = new Mlp();
    Lora.replaceLinearWithLora(mlp, 1, 1);
    assertNull(peft(mlp));
    assertTrue(peft(adapted(true, LoraConfig.of(1, 1))).leftOut().isEmpty());
  }
}
