package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.lora.SmallModels.Classifier;
import io.github.lora4j.lora.SmallModels.Mlp;
import io.github.lora4j.nn.Gelu;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.ModuleList;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoraTest {

  private static final Tensor X = SmallModels.random(7, 6, 4);
  private static final int[] CLASSES = {0, 1, 1, 0, 1, 0};

  @Test
  void anAdaptedModelFirstEqualsItsBaseBitForBit() {
    Classifier model = new Classifier(2, false, 5);
    float[] base = model.forward(X).data();
    Lora.replaceLinearWithLora(model, 3, 6f);
    assertArrayEquals(base, model.forward(X).data());
    assertArrayEquals(base, model.forward(X.on(new Tape())).data());
  }

  @Test
  void aTrainedBranchAddsItsScaledProduct() {
    Linear linear = new Linear(4, 3, true, 1);
    LoRALayer lora =
        new LoRALayer(
            Parameter.trained(SmallModels.random(1, 4, 2)),
            Parameter.trained(SmallModels.random(2, 2, 3)),
            5f,
            LoraScaling.LORA,
            0,
            "lora");
    float[] y = new LinearWithLoRA(linear, lora).forward(X).data();
    float[] base = linear.forward(X).data();
    float[] branch = lora.forward(X).data();
    for (int row = 0; row < 6; row++) {
      for (int out = 0; out < 3; out++) {
        double expected = 0;
        for (int r = 0; r < 2; r++) {
          double down = 0;
          for (int in = 0; in < 4; in++) {
            down += (double) X.data()[row * 4 + in] * lora.loraA().data()[in * 2 + r];
          }
          expected += 2.5 * down * lora.loraB().data()[r * 3 + out];
        }
        // A sum of eight products of a few units each, in float32.
        assertEquals(expected, branch[row * 3 + out], 2e-5);
        assertEquals(base[row * 3 + out] + expected, y[row * 3 + out], 2e-5);
      }
    }
  }

  @Test
  void onlyAandBMove() {
    Module model = new Classifier(2, true, 5).freeze();
    Lora.replaceLinearWithLora(model, 2, 2f);
    SmallModels.randomizeB(model, 1);
    Map<String, float[]> before = new LinkedHashMap<>();
    model.namedParameters().forEach((name, p) -> before.put(name, p.data().clone()));

    ((Classifier) model).forward(X.on(new Tape())).crossEntropy(CLASSES, -100).backward();
    descend(model);

    assertEquals(2 * (2 * 4 + 1), model.trainedParameters().size());
    model
        .namedParameters()
        .forEach(
            (name, p) -> {
              boolean moved = !Arrays.equals(before.get(name), p.data());
              assertEquals(name.endsWith(".lora.A") || name.endsWith(".lora.B"), moved, name);
            });
  }

  private static void descend(Module model) {
    model
        .trainedParameters()
        .forEach(
            (name, p) -> {
              float[] grad = p.grad();
              assertNotNull(grad, name);
              for (int i = 0; i < grad.length; i++) {
                p.data()[i] -= 0.1f * grad[i];
              }
            });
  }

  @Test
  void theCountsFollowTheFormula() {
    Classifier model = new Classifier(2, true, 5);
    long base = model.parameterCount();
    model.freeze();
    LoraReport report = Lora.replaceLinearWithLora(model, 2, 2f);
    long branches = 2 * (4 * 2 * (4 + 4)) + 2 * (4 + 2); // r (in + out) for each Linear
    assertEquals(9, report.adapted().size());
    assertEquals(branches, report.trainedParameters());
    assertEquals(base + branches, report.totalParameters());
    assertEquals(
        "9 Linear adapted, %d of %d parameters train".formatted(branches, base + branches),
        report.toString());
  }

  @Test
  void theReportSeparatesThousandsWithCommas() {
    assertEquals(
        "1 Linear adapted, 2,666,528 of 127,107,874 parameters train",
        new LoraReport(List.of("score"), 2_666_528, 127_107_874).toString());
  }

  @Test
  void theSecondCallReplacesNothing() {
    Classifier model = new Classifier(1, false, 5);
    Lora.replaceLinearWithLora(model, 2, 2f);
    Map<String, Parameter> once = model.namedParameters();
    LoraReport second = Lora.replaceLinearWithLora(model, 7, 7f);
    assertEquals(List.of(), second.adapted());
    assertEquals(once, model.namedParameters());
    assertEquals(
        once.keySet().stream().toList(), model.namedParameters().keySet().stream().toList());
  }

  @Test
  void theSecondCallWithNamesFindsWhatIsAdapted() {
    Classifier model = new Classifier(1, true, 5);
    LoraConfig config = LoraConfig.of(2, 2f).withTargets(Targets.named("c_attn"));
    assertEquals(3, Lora.apply(model, config).adapted().size());
    assertEquals(0, Lora.apply(model, config).adapted().size());
    assertEquals(
        List.of("transformer.h.0.attn.c_proj", "score"),
        Lora.replaceLinearWithLora(model, 2, 2f).adapted());
  }

  @Test
  void aRootThatIsALinearIsToldWhatToWrite() {
    String message = refused(new Linear(2, 2, true, 0), Targets.all());
    assertTrue(message.contains("new LinearWithLoRA(linear, rank, alpha)"), message);
  }

  @Test
  void aRootThatIsAdaptedIsLeftAlone() {
    LinearWithLoRA root = new LinearWithLoRA(new Linear(2, 2, true, 0), 1, 1f);
    assertEquals(List.of(), Lora.replaceLinearWithLora(root, 1, 1f).adapted());
  }

  @Test
  void aTreeWithoutLinearIsAnErrorThatListsItsModules() {
    String message = refused(new ModuleList<>(List.of(new Gelu())), Targets.all());
    assertTrue(message.contains("a Linear in a slot expected"), message);
    assertTrue(message.contains("0"), message);
  }

  @Test
  void aModelOfTheUsersOwnWorks() {
    Mlp mlp = new Mlp();
    mlp.freeze();
    LoraReport report = Lora.replaceLinearWithLora(mlp, 2, 4f);
    assertEquals(List.of("first", "second"), report.adapted());
    assertEquals(2 * (4 + 5) + 2 * (5 + 3), report.trainedParameters());
    float before = loss(mlp);
    for (int step = 0; step < 30; step++) {
      mlp.forward(X.on(new Tape(0, 0, step))).crossEntropy(CLASSES, -100).backward();
      descend(mlp);
      mlp.trainedParameters().values().forEach(Parameter::zeroGrad);
    }
    assertTrue(loss(mlp) < before - 0.01f, before + " -> " + loss(mlp));
  }

  private static float loss(Layer model) {
    return model.forward(X).crossEntropy(CLASSES, -100).item();
  }

  @Test
  void aLayerThatIsSharedIsAdaptedOnce() {
    Mlp shared = new Mlp();
    ModuleList<Mlp> twice = new ModuleList<>(List.of(shared, shared));
    assertEquals(
        List.of("0.first", "0.second"), Lora.replaceLinearWithLora(twice, 1, 1f).adapted());
  }

  @Test
  void theTreeShowsTheBranch() {
    Mlp mlp = new Mlp();
    Lora.apply(mlp, LoraConfig.of(2, 4f).withDropout(0.25f).withTargets(Targets.named("second")));
    assertEquals(
        """
        Mlp(
          (first): Linear(in_features=4, out_features=5, bias=True)
          (second): LinearWithLoRA(
            (linear): Linear(in_features=5, out_features=3, bias=True)
            (lora): LoRALayer(rank=2, alpha=4.0, dropout=0.25)
          )
        )""",
        mlp.toString());
  }

  @Test
  void aNewBranchIsAFunctionOfSeedAndPath() {
    Map<String, Parameter> first = adapted(LoraConfig.of(2, 2f));
    Map<String, Parameter> again =
        adapted(LoraConfig.of(2, 2f).withTargets(Targets.named("score", "c_proj")));
    Map<String, Parameter> other = adapted(LoraConfig.of(2, 2f).withSeed(9));
    String name = "transformer.h.1.attn.c_proj.lora.A";
    assertArrayEquals(data(first, name), data(again, name));
    assertFalse(Arrays.equals(data(first, name), data(other, name)));
    assertFalse(
        Arrays.equals(data(first, name), data(first, "transformer.h.0.attn.c_proj.lora.A")));
  }

  private static float[] data(Map<String, Parameter> parameters, String name) {
    Parameter parameter = parameters.get(name);
    assertNotNull(parameter, name);
    return parameter.data();
  }

  private static Map<String, Parameter> adapted(LoraConfig config) {
    Classifier model = new Classifier(2, false, 5);
    Lora.apply(model, config);
    return model.namedParameters();
  }

  @Test
  void nothingChangesWhenTheTargetsAreRefused() {
    Classifier model = new Classifier(1, false, 5);
    refused(model, Targets.named("c_attn", "c_atn"));
    assertTrue(model.namedModules().values().stream().noneMatch(LinearWithLoRA.class::isInstance));
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of(0, 1f));
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of((1 << 15) + 1, 1f));
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of(1, 0f));
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of(1, Float.NaN));
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of(1, Float.POSITIVE_INFINITY));
    assertThrows(IllegalArgumentException.class, () -> LoraConfig.of(1, 1f).withDropout(1f));
  }

  static String refused(Module model, Targets targets) {
    return assertThrows(
            IllegalArgumentException.class,
            () -> Lora.apply(model, LoraConfig.of(1, 1f).withTargets(targets)))
        .getMessage();
  }
}
