package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TapeTest {

  private static final int[] TARGETS = {0, 1};

  private static Tensor random(long key, int... dims) {
    Tensor tensor = Tensor.zeros(dims);
    CounterRandom.fillGaussian(key, 1, tensor.data());
    return tensor;
  }

  private static Tensor trained(long key, int... dims) {
    return random(key, dims).requireGrad(true);
  }

  @Test
  void withoutATapeNothingRequiresAGradient() {
    Tensor weight = trained(1, 3, 4);
    Tensor loss = random(2, 2, 4).linear(weight, null).crossEntropy(TARGETS, -1);

    assertFalse(loss.requiresGrad());
    assertNull(loss.tape());
    assertEquals(
        "backward: a loss computed with a tape expected, got one without (inference)",
        assertThrows(IllegalStateException.class, loss::backward).getMessage());
    assertNull(weight.grad());
  }

  @Test
  void withoutATrainedOperandNothingIsRecorded() {
    Tape tape = new Tape();
    Tensor loss =
        random(2, 2, 4).on(tape).linear(random(1, 3, 4), null).gelu().crossEntropy(TARGETS, -1);

    assertEquals(0, tape.size());
    assertFalse(loss.requiresGrad());
    assertEquals(
        "backward: a loss that depends on a trained parameter expected, got one that depends on"
            + " none (is every parameter frozen?)",
        assertThrows(IllegalStateException.class, loss::backward).getMessage());
  }

  @Test
  void nothingFlowsBelowTheFirstTrainedLayer() {
    Tape tape = new Tape();
    Tensor frozen = random(1, 4, 4);
    Tensor middle = trained(2, 4, 4);
    Tensor last = random(3, 3, 4);

    Tensor below = random(4, 2, 4).on(tape).linear(frozen, null).gelu();
    assertEquals(0, tape.size());
    assertFalse(below.requiresGrad());

    Tensor loss = below.linear(middle, null).linear(last, null).crossEntropy(TARGETS, -1);
    assertEquals(3, tape.size());
    loss.backward();

    assertNull(frozen.grad());
    assertNull(below.grad());
    assertNotNull(middle.grad());
    assertNull(last.grad());
    assertEquals(0, tape.size());
  }

  @Test
  void activationsLetGoOfTheirGradients() {
    Tape tape = new Tape();
    Tensor hidden = random(1, 2, 4).on(tape).linear(trained(2, 3, 4), null);
    Tensor loss = hidden.crossEntropy(TARGETS, -1);
    assertTrue(hidden.requiresGrad());
    loss.backward();

    assertNull(hidden.grad());
    assertNull(loss.grad());
  }

  /** As with an embedding that is also the head: the table is used twice. */
  @Test
  void aSharedParameterGathersTheGradientsOfBothUses() {
    int[] ids = {3, 0, 3};
    int[] targets = {1, 4, 2};
    Tensor table = trained(1, 5, 2);
    Tape tape = new Tape();
    table.embedding(ids, tape).gelu().linear(table, null).crossEntropy(targets, -1).backward();

    double[] expected =
        GradientAssert.centralDifferences(
            DoubleOps.widen(table.data()),
            t ->
                DoubleOps.crossEntropy(
                    DoubleOps.linear(DoubleOps.gelu(DoubleOps.gatherRows(t, ids, 2)), t, 2),
                    targets,
                    -1));
    GradientAssert.assertGradient("table", expected, table.grad());
  }

  @Test
  void anActivationGathersTheGradientsOfAllItsUses() {
    Tape tape = new Tape();
    Tensor x = random(1, 2, 3).on(tape).requireGrad(true);
    Tensor hidden = x.gelu();
    hidden.add(hidden.scale(2)).multiply(hidden).crossEntropy(TARGETS, -1).backward();

    double[] expected =
        GradientAssert.centralDifferences(
            DoubleOps.widen(x.data()),
            v -> {
              double[] h = DoubleOps.gelu(v);
              return DoubleOps.crossEntropy(
                  DoubleOps.scale(DoubleOps.multiply(h, h), 3), TARGETS, -1);
            });
    GradientAssert.assertGradient("x", expected, x.grad());
  }

  @Test
  void gradientsAddUpUntilTheyAreForgotten() {
    Tensor weight = trained(1, 3, 4);
    Tensor x = random(2, 2, 4);
    x.on(new Tape()).linear(weight, null).crossEntropy(TARGETS, -1).backward();
    float[] once = weight.grad().clone();
    x.on(new Tape()).linear(weight, null).crossEntropy(TARGETS, -1).backward();
    float[] twice = weight.grad().clone();
    weight.zeroGrad();

    // Not to the bit: the second gradient is added term by term.
    GradientAssert.assertGradient("weight", DoubleOps.scale(DoubleOps.widen(once), 2), twice);
    assertNull(weight.grad());
    assertTrue(weight.requiresGrad());
  }

  @Test
  void aTapeRunsBackwardOnce() {
    Tape tape = new Tape();
    Tensor weight = trained(2, 3, 4);
    Tensor loss = random(1, 2, 4).on(tape).linear(weight, null).crossEntropy(TARGETS, -1);
    loss.backward();
    float[] gradient = weight.grad().clone();

    assertEquals(
        "backward: one call for each tape expected, got a second one",
        assertThrows(IllegalStateException.class, loss::backward).getMessage());
    assertArrayEquals(gradient, weight.grad());
    assertEquals(
        "tape: a new tape for each forward pass expected, got one that was run backwards",
        assertThrows(
                IllegalStateException.class, () -> random(1, 2, 4).on(tape).linear(weight, null))
            .getMessage());
  }

  @Test
  void onlyAScalarRunsBackward() {
    Tape tape = new Tape();
    Tensor y = random(1, 2, 4).on(tape).linear(trained(2, 3, 4), null);

    assertEquals(
        "backward: a scalar expected, got (2, 3)",
        assertThrows(IllegalArgumentException.class, y::backward).getMessage());
  }

  @Test
  void theLossMayBeAnyFunctionOfTheLoss() {
    Tensor weight = trained(2, 3, 4);
    Tensor x = random(1, 2, 4);
    x.on(new Tape()).linear(weight, null).crossEntropy(TARGETS, -1).backward();
    float[] gradient = weight.grad().clone();
    weight.zeroGrad();
    x.on(new Tape()).linear(weight, null).crossEntropy(TARGETS, -1).scale(0.25f).backward();

    for (int i = 0; i < gradient.length; i++) {
      assertEquals(0.25f * gradient[i], weight.grad()[i], 1e-7f);
    }
  }

  @Test
  void aCallersArraysMayChangeBetweenForwardAndBackward() {
    Tensor table = trained(1, 5, 6);
    int[] ids = {3, 0, 3};
    int[] targets = {1, 0, 1};
    int[] offsets = {0, 1, 3};
    Tape first = new Tape();
    Tensor loss = lossOf(table, ids, offsets, targets, first);
    loss.backward();
    float[] expected = table.grad().clone();
    table.zeroGrad();

    Tensor again = lossOf(table, ids, offsets, targets, new Tape());
    ids[0] = 4;
    targets[0] = 0;
    offsets[1] = 2;
    again.backward();

    assertArrayEquals(expected, table.grad());
  }

  private static Tensor lossOf(Tensor table, int[] ids, int[] offsets, int[] targets, Tape tape) {
    return table.embedding(ids, tape).causalAttention(1, offsets).crossEntropy(targets, -1);
  }

  @Test
  void aWeightThatWasThawedAndChangedIsReadAnew() {
    Tensor weight = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
    Tensor x = Tensor.of(new float[] {1, 1}, 2);
    assertArrayEquals(new float[] {3, 7, 11}, x.linear(weight, null).data());

    weight.requireGrad(true);
    weight.data()[1] = 9;
    assertArrayEquals(new float[] {10, 7, 11}, x.linear(weight, null).data());
    weight.requireGrad(false);
    assertArrayEquals(new float[] {10, 7, 11}, x.linear(weight, null).data());
  }

  @Test
  void freezingForgetsTheGradient() {
    Tensor weight = trained(2, 3, 4);
    random(1, 2, 4).on(new Tape()).linear(weight, null).crossEntropy(TARGETS, -1).backward();
    weight.requireGrad(false);

    assertNull(weight.grad());
    assertNull(weight.requireGrad(true).grad());
  }
}
