package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {

  private static final float[] START = {1f, -2f, 0.5f, 3f, -0.25f};
  private static final float[] GRADIENT = {0.1f, -3f, 1e-4f, 0f, 7f};

  /** Gives a parameter the gradient above: that of the sum of products with it. */
  private static void giveGradient(Parameter parameter) {
    Tensor weights = Tensor.of(GRADIENT.clone(), GRADIENT.length, 1);
    Tensor row = Tensor.of(new float[] {1}, 1, 1).on(new Tape());
    row.matmul(parameter.tensor()).matmul(weights).backward();
  }

  private static Parameter parameter() {
    return Parameter.trained(Tensor.of(START.clone(), 1, START.length));
  }

  @Test
  void stepsAreThoseOfTheFormulaInDoublePrecision() {
    Parameter parameter = parameter();
    AdamW optimizer = new AdamW(Map.of("p", parameter), 1e-2f, 0.1f);
    double[] p = new double[START.length];
    double[] m = new double[START.length];
    double[] v = new double[START.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = START[i];
    }
    for (int t = 1; t <= 50; t++) {
      optimizer.zeroGrad();
      giveGradient(parameter);
      optimizer.step(0.5f);
      for (int i = 0; i < p.length; i++) {
        double g = 0.5 * GRADIENT[i];
        p[i] -= 1e-2 * 0.1 * p[i];
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.999 * v[i] + 0.001 * g * g;
        double mHat = m[i] / (1 - Math.pow(0.9, t));
        double vHat = v[i] / (1 - Math.pow(0.999, t));
        p[i] -= 1e-2 * mHat / (Math.sqrt(vHat) + 1e-8);
      }
    }
    for (int i = 0; i < p.length; i++) {
      // Each of 50 steps rounds the parameter once or twice, to half a unit of 2^-23 relative to 4
      // at most.
      assertEquals(p[i], parameter.data()[i], 50 * 2 * 4 * 0x1p-24, "element " + i);
    }
    assertEquals(50, optimizer.steps());
  }

  @Test
  void aParameterWithoutGradientStaysAsItIs() {
    Parameter parameter = parameter();
    new AdamW(Map.of("p", parameter), 1e-2f, 0.1f).step(1);
    assertArrayEquals(START, parameter.data());
  }

  @Test
  void gradientNormIsTakenOverAllParameters() {
    Parameter first = parameter();
    Parameter second = parameter();
    giveGradient(first);
    giveGradient(second);
    double squares = 0;
    for (float g : GRADIENT) {
      squares += 2.0 * g * g;
    }
    AdamW optimizer = new AdamW(Map.of("a", first, "b", second), 1e-2f, 0);
    assertEquals(Math.sqrt(squares), optimizer.gradientNorm(), 1e-6);
    optimizer.zeroGrad();
    assertEquals(0, optimizer.gradientNorm());
  }

  @Test
  void nothingToTrainIsAnError() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new AdamW(Map.of(), 1e-2f, 0));
    assertTrue(e.getMessage().contains("frozen"), e.getMessage());
  }

  @Test
  void impossibleRatesAreErrors() {
    Map<String, Parameter> parameters = Map.of("p", parameter());
    for (float rate : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
      assertThrows(IllegalArgumentException.class, () -> new AdamW(parameters, rate, 0));
    }
    assertThrows(IllegalArgumentException.class, () -> new AdamW(parameters, 1e-3f, -0.1f));
  }

  @Test
  void warmupCosineRisesFallsAndEndsAtATenth() {
    LearningRate rate = LearningRate.warmupCosine(1f, 10, 110);
    assertEquals(0.1f, rate.at(0), 1e-6);
    assertEquals(1f, rate.at(9), 1e-6);
    assertEquals(1f, rate.at(10), 1e-6);
    assertEquals(0.55f, rate.at(60), 1e-6);
    assertEquals(0.1f, rate.at(110), 1e-6);
    assertEquals(0.1f, rate.at(1000), 1e-6);
  }
}
