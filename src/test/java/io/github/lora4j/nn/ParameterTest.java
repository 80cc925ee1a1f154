package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ParameterTest {

  @Test
  void itIsTheTensorItself() {
    Tensor tensor = Tensor.of(new float[] {1, 2}, 1, 2);
    Parameter parameter = Parameter.frozen(tensor);

    assertSame(tensor, parameter.tensor());
    assertSame(tensor.data(), parameter.data());
    assertEquals(tensor.shape(), parameter.shape());
  }

  @Test
  void itIsTrainedOrFrozen() {
    Parameter parameter = Parameter.trained(Tensor.zeros(2));
    assertTrue(parameter.isTrained());
    parameter.setTrained(false);
    assertFalse(parameter.isTrained());
    assertFalse(Parameter.frozen(Tensor.zeros(2).requireGrad(true)).isTrained());
  }

  @Test
  void trainingWhatIsTrainedKeepsTheGradient() {
    Parameter weight = Parameter.trained(Tensor.of(new float[] {1, 2}, 1, 2));
    weight.tensor().embedding(new int[] {0}, new Tape()).crossEntropy(new int[] {1}, -1).backward();

    weight.setTrained(true);
    assertNotNull(weight.grad());
    weight.zeroGrad();
    assertNull(weight.grad());
  }

  @Test
  void anActivationIsNoParameter() {
    Tensor activation = Tensor.zeros(2, 3).on(new Tape());

    assertEquals(
        "parameter: a tensor without a tape expected, got an activation (2, 3)",
        assertThrows(IllegalArgumentException.class, () -> Parameter.trained(activation))
            .getMessage());
    assertFalse(activation.requiresGrad());
  }
}
