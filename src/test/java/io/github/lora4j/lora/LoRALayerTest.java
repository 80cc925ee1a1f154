package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoRALayerTest {

  private static final Tensor X = SmallModels.random(3, 5, 4);
  private static final int[] CLASSES = {0, 1, 2, 0, 1};

  @ParameterizedTest
  @CsvSource({"PEFT, 0.05", "BOOK, 0.25"})
  void aStartsUniformWithinItsBound(LoraInit init, float bound) {
    LoRALayer lora = new LoRALayer(400, 3, LoraConfig.of(16, 1f).withInit(init), "lora");
    float[] a = lora.loraA().data();
    float largest = 0;
    double squares = 0;
    for (float v : a) {
      largest = Math.max(largest, Math.abs(v));
      squares += v * v;
    }
    assertTrue(largest <= bound && largest > 0.99f * bound, "largest " + largest);
    // The variance of a uniform number is bound^2 / 3; of 6400 of them it is met to 1.1 % (one
    // sigma).
    assertEquals(bound * bound / 3, squares / a.length, 0.05 * bound * bound / 3);
  }

  @Test
  void bStartsAtZeroAndTheBranchAtNothing() {
    LoRALayer lora = new LoRALayer(4, 3, 2, 8f);
    assertArrayEquals(new float[6], lora.loraB().data());
    assertArrayEquals(new float[15], lora.forward(X).data());
    assertEquals(4f, lora.factor());
  }

  @Test
  void atTheStartAGetsNoGradientAndBDoes() {
    LinearWithLoRA layer = adaptedLinear();
    layer.forward(X.on(new Tape())).crossEntropy(CLASSES, -100).backward();
    float[] dA = layer.lora().loraA().grad();
    float[] dB = layer.lora().loraB().grad();
    assertNotNull(dA);
    assertNotNull(dB);
    for (float v : dA) {
      assertEquals(0f, v);
    }
    for (float v : dB) {
      assertTrue(v != 0);
    }
  }

  @Test
  void theGradientsOfAAndBAgreeWithDifferences() {
    LinearWithLoRA layer = adaptedLinear();
    SmallModels.randomizeB(layer, 4);
    layer.forward(X.on(new Tape())).crossEntropy(CLASSES, -100).backward();
    for (Parameter p : new Parameter[] {layer.lora().loraA(), layer.lora().loraB()}) {
      float[] grad = p.grad();
      assertNotNull(grad);
      for (int i = 0; i < grad.length; i++) {
        float kept = p.data()[i];
        float step = 1f / 64;
        p.data()[i] = kept + step;
        double above = layer.forward(X).crossEntropy(CLASSES, -100).item();
        p.data()[i] = kept - step;
        double below = layer.forward(X).crossEntropy(CLASSES, -100).item();
        p.data()[i] = kept;
        double difference = (above - below) / (2 * step);
        // Rounding of a loss near 1 over 2/64: 4e-6; the third derivative times 1/64^2 / 6: below
        // 1e-3.
        assertEquals(difference, grad[i], 1e-3, "element " + i);
        assertTrue(grad[i] != 0);
      }
    }
  }

  private static LinearWithLoRA adaptedLinear() {
    Linear linear = new Linear(4, 3, true, 8);
    linear.freeze();
    return new LinearWithLoRA(linear, 2, 3f);
  }

  @Test
  void dropoutActsOnTheBranchOnly() {
    LoRALayer lora =
        new LoRALayer(
            Parameter.trained(
                Tensor.of(new float[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4, 4)),
            Parameter.trained(
                Tensor.of(new float[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4, 4)),
            4f,
            LoraScaling.LORA,
            0.5f,
            "lora");
    Linear linear = new Linear(4, 4, true, 8);
    float[] base = linear.forward(X).data();
    float[] y = new LinearWithLoRA(linear, lora).forward(X.on(new Tape(1, 0, 0))).data();
    int dropped = 0;
    for (int i = 0; i < y.length; i++) {
      // The branch is the identity here, so each input of it shows: 0, or doubled.
      float branch = y[i] - base[i];
      boolean isDropped = Math.abs(branch) < 1e-5f;
      assertEquals(isDropped ? 0 : 2 * X.data()[i], branch, 1e-5f);
      dropped += isDropped ? 1 : 0;
    }
    assertTrue(dropped > 2 && dropped < 18, dropped + " of 20");
  }

  @Test
  void dropoutIsTheIdentityInInferenceAndAFunctionOfStepAndPath() {
    assertArrayEquals(dropped(0f, "a", null), dropped(0.5f, "a", null));
    assertArrayEquals(dropped(0.5f, "a", new Tape(1, 2, 3)), dropped(0.5f, "a", new Tape(1, 2, 3)));
    assertFalse(
        Arrays.equals(
            dropped(0.5f, "a", new Tape(1, 2, 3)), dropped(0.5f, "a", new Tape(1, 2, 4))));
    assertFalse(
        Arrays.equals(
            dropped(0.5f, "a", new Tape(1, 2, 3)), dropped(0.5f, "b", new Tape(1, 2, 3))));
  }

  private static float[] dropped(float probability, String path, Tape tape) {
    LoRALayer lora =
        new LoRALayer(
            Parameter.trained(SmallModels.random(1, 4, 2)),
            Parameter.trained(SmallModels.random(2, 2, 3)),
            1f,
            LoraScaling.LORA,
            probability,
            path);
    return lora.forward(X.on(tape)).data();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 9})
  void anyRankFitsAnyLayer(int rank) {
    LinearWithLoRA layer = new LinearWithLoRA(new Linear(4, 3, false, 1), rank, 1f);
    SmallModels.randomizeB(layer, 1);
    assertEquals(rank, layer.lora().rank());
    assertEquals(15, layer.forward(X).data().length);
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    Parameter a = Parameter.trained(Tensor.zeros(4, 2));
    Parameter b = Parameter.trained(Tensor.zeros(3, 3));
    assertThrows(
        ShapeMismatchException.class, () -> new LoRALayer(a, b, 1f, LoraScaling.LORA, 0, "lora"));
    Linear linear = new Linear(5, 3, false, 0);
    assertThrows(
        ShapeMismatchException.class, () -> new LinearWithLoRA(linear, new LoRALayer(4, 3, 1, 1f)));
  }

  @Test
  void theLinearLayerIsKeptAsItIs() {
    Linear linear = new Linear(4, 3, false, 0);
    LinearWithLoRA layer = new LinearWithLoRA(linear, 1, 1f);
    assertSame(linear, layer.linear());
    assertSame(linear, layer.children().get("linear"));
    assertTrue(layer.slots().isEmpty());
  }
}
