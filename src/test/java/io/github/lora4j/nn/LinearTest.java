package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class LinearTest {

  private static Parameter frozen(float[] data, int... dims) {
    return Parameter.frozen(Tensor.of(data, dims));
  }

  @Test
  void itMapsTheLastDimension() {
    Linear linear =
        new Linear(
            frozen(new float[] {1, 2, 3, 4, 5, 6}, 3, 2),
            frozen(new float[] {0.5f, 0, -0.5f}, 3),
            null);
    Tensor y = linear.forward(Tensor.of(new float[] {1, -1, 2, 0}, 2, 1, 2));

    assertEquals("(2, 1, 3)", y.shape().toString());
    assertArrayEquals(new float[] {-0.5f, -1, -1.5f, 2.5f, 6, 9.5f}, y.data());
    assertEquals(2, linear.inFeatures());
    assertEquals(3, linear.outFeatures());
  }

  @Test
  void frozenAndTrainedWeightsMapAlike() {
    Linear linear = new Linear(19, 37, true, 3);
    Tensor x = Tensor.zeros(5, 19);
    for (int i = 0; i < x.data().length; i++) {
      x.data()[i] = (i % 13 - 6) / 7f;
    }
    float[] trained = linear.forward(x).data();
    linear.freeze();

    assertArrayEquals(trained, linear.forward(x).data(), 1e-6f);
  }

  /**
   * Uniform in the bound: over 60,000 numbers the mean is within five of its deviations, {@code
   * bound / sqrt(3 * 60000)}, and the variance {@code bound^2 / 3} within five of its own, {@code
   * bound^2 sqrt(4/45/60000)}.
   */
  @Test
  void initialValuesAreUniformWithinOneOverTheRootOfTheInputs() {
    int in = 300;
    int count = 60_000;
    Linear linear = new Linear(in, count / in, true, 42);
    double bound = 1 / Math.sqrt(in);
    double sum = 0;
    double squares = 0;
    double largest = 0;
    for (float w : linear.weight().data()) {
      sum += w;
      squares += (double) w * w;
      largest = Math.max(largest, Math.abs(w));
    }

    assertTrue(largest <= bound * (1 + 1e-7) && largest > 0.999 * bound, "largest " + largest);
    assertEquals(0, sum / count, 5 * bound / Math.sqrt(3.0 * count));
    assertEquals(
        bound * bound / 3, squares / count, 5 * bound * bound * Math.sqrt(4 / 45.0 / count));
    for (float b : linear.bias().data()) {
      assertTrue(Math.abs(b) <= bound * (1 + 1e-7) && b != 0);
    }
  }

  @Test
  void theSeedDecidesTheValues() {
    float[] weight = new Linear(8, 8, true, 1).weight().data();

    assertArrayEquals(weight, new Linear(8, 8, false, 1).weight().data());
    assertFalse(Arrays.equals(weight, new Linear(8, 8, true, 2).weight().data()));
    assertFalse(Arrays.equals(Arrays.copyOf(weight, 8), new Linear(8, 8, true, 1).bias().data()));
  }

  @Test
  void aNewLayerIsTrainedAndHasNoOrigin() {
    Linear linear = new Linear(2, 3, false, 1);

    assertTrue(linear.weight().isTrained());
    assertNull(linear.bias());
    assertNull(linear.origin());
  }

  @Test
  void itKeepsItsOrigin() {
    Origin origin = new Origin("h.0.attn.c_attn", 2, 2);
    Linear linear = new Linear(frozen(new float[2], 2, 1), null, origin);

    assertSame(origin, linear.origin());
    assertThrows(IllegalArgumentException.class, () -> new Origin("x", -1, 2));
    assertThrows(IllegalArgumentException.class, () -> new Origin("x", 0, 0));
  }

  @Test
  void sizesThatDoNotFitAreRefused() {
    assertEquals(
        "Linear: a weight (out, in) and a bias (out) expected, got (3, 2) and (2)",
        assertThrows(
                ShapeMismatchException.class,
                () -> new Linear(frozen(new float[6], 3, 2), frozen(new float[2], 2), null))
            .getMessage());
    assertThrows(
        ShapeMismatchException.class,
        () -> new Linear(frozen(new float[6], 3, 2), frozen(new float[3], 1, 3), null));
    assertThrows(
        ShapeMismatchException.class, () -> new Linear(frozen(new float[6], 6), null, null));
    assertEquals(
        "Linear: at least one input and one output expected, got 0 and 3",
        assertThrows(IllegalArgumentException.class, () -> new Linear(0, 3, true, 1)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Linear(3, 0, true, 1));
    assertThrows(IllegalArgumentException.class, () -> new Linear(-1, 3, true, 1));
  }
}
