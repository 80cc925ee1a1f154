package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.AssertionFailedError;

/** Values and gradients of every operation against double precision; see {@link OpSamples}. */
class OpGradientTest {

  private static final List<OpSample> SAMPLES = OpSamples.all();

  static List<OpSample> samples() {
    return SAMPLES;
  }

  @Test
  void everyOperationHasASample() {
    Set<String> notOperations = Set.of("of", "ofPacked", "zeros", "on", "requireGrad");
    Set<String> operations = new TreeSet<>();
    for (Method method : Tensor.class.getDeclaredMethods()) {
      if (Modifier.isPublic(method.getModifiers())
          && method.getReturnType() == Tensor.class
          && !notOperations.contains(method.getName())) {
        operations.add(
            Arrays.stream(method.getParameterTypes())
                .map(Class::getSimpleName)
                .collect(Collectors.joining(", ", method.getName() + "(", ")")));
      }
    }
    Set<String> sampled =
        SAMPLES.stream().map(OpSample::signature).collect(Collectors.toCollection(TreeSet::new));

    assertEquals(operations, sampled);
  }

  @ParameterizedTest
  @MethodSource("samples")
  void valuesEqualDoublePrecision(OpSample sample) {
    GradientAssert.assertClose("y", sample.expectedValues(), sample.run(0).values());
  }

  @ParameterizedTest
  @MethodSource("samples")
  void gradientsOfEverySubsetOfOperandsEqualDoublePrecision(OpSample sample) {
    double[][] expected = sample.expectedGradients();
    for (int trained = 1; trained < sample.subsets(); trained++) {
      OpSample.Outcome outcome = sample.run(trained);
      for (int i = 0; i < expected.length; i++) {
        String what = "operand %d when %s are trained".formatted(i, Integer.toString(trained, 2));
        if ((trained >> i & 1) == 1) {
          GradientAssert.assertGradient(what, expected[i], outcome.gradients()[i]);
        } else {
          assertNull(outcome.gradients()[i], what);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void nothingIsRecordedIfNoOperandIsTrained(OpSample sample) {
    assertEquals(0, sample.run(0).recorded());
    assertEquals(1, sample.run(1).recorded());
  }

  @ParameterizedTest
  @MethodSource("samples")
  void whatIsTrainedDoesNotChangeTheValues(OpSample sample) {
    double[] expected = sample.expectedValues();
    for (int trained = 1; trained < sample.subsets(); trained++) {
      GradientAssert.assertClose("y", expected, sample.run(trained).values());
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void aSecondRunHasTheSameBits(OpSample sample) {
    int all = sample.subsets() - 1;
    OpSample.Outcome first = sample.run(all);
    OpSample.Outcome second = sample.run(all);

    assertArrayEquals(first.values(), second.values());
    for (int i = 0; i < first.gradients().length; i++) {
      assertArrayEquals(first.gradients()[i], second.gradients()[i]);
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void onlyAnOperationInPlaceChangesAnOperand(OpSample sample) {
    OpSample.Outcome outcome = sample.run(sample.subsets() - 1);
    boolean inPlace = sample.signature().contains("InPlace(");
    for (int i = inPlace ? 1 : 0; i < outcome.operands().length; i++) {
      assertArrayEquals(sample.values(i), outcome.operands()[i], "operand " + i);
    }
  }

  /** A gradient that is added to later must not take another one with it. */
  @ParameterizedTest
  @MethodSource("samples")
  void noTwoOperandsShareAGradient(OpSample sample) {
    Set<float[]> arrays = Collections.newSetFromMap(new IdentityHashMap<>());
    OpSample.Outcome outcome = sample.run(sample.subsets() - 1);
    for (float[] gradient : outcome.gradients()) {
      assertTrue(arrays.add(gradient));
    }
    for (float[] operand : outcome.operands()) {
      assertFalse(arrays.contains(operand));
    }
  }

  /** The negative control: a gate that these gradients passed would prove nothing. */
  @ParameterizedTest
  @MethodSource("samples")
  void theGateFailsForEveryPlantedFault(OpSample sample) {
    double[][] expected = sample.expectedGradients();
    for (int i = 0; i < expected.length; i++) {
      for (Map.Entry<String, float[]> fault : faults(sample, i).entrySet()) {
        double[] exact = expected[i];
        assertThrows(
            AssertionFailedError.class,
            () -> GradientAssert.assertGradient(fault.getKey(), exact, fault.getValue()),
            "operand " + i + ": " + fault.getKey());
      }
    }
  }

  private static Map<String, float[]> faults(OpSample sample, int operand) {
    OpSample.Outcome outcome = sample.run(sample.subsets() - 1);
    float[] right = outcome.gradients()[operand];
    Map<String, float[]> faults = new LinkedHashMap<>();
    faults.put("zero", new float[right.length]);
    faults.put("other sign", scaled(right, -1));
    faults.put("one per cent more", scaled(right, 1.01f));
    faults.put("counted twice", scaled(right, 2));
    faults.put("not a number", withElement(right, greatest(right), Float.NaN));
    faults.put("an element missing", withElement(right, greatest(right), 0));
    faults.put("an element short of a term", withoutATerm(sample, outcome.values(), operand));
    if (right.length > 1 && !allEqual(right)) {
      faults.put("wrong axis", alongTheWrongAxis(right, sample.shapes()[operand]));
    }
    return faults;
  }

  private static float[] scaled(float[] right, float factor) {
    float[] wrong = right.clone();
    for (int i = 0; i < wrong.length; i++) {
      wrong[i] *= factor;
    }
    return wrong;
  }

  private static int greatest(float[] right) {
    int greatest = 0;
    for (int i = 1; i < right.length; i++) {
      if (Math.abs(right[i]) > Math.abs(right[greatest])) {
        greatest = i;
      }
    }
    return greatest;
  }

  private static float[] withElement(float[] right, int index, float element) {
    float[] wrong = right.clone();
    wrong[index] = element;
    return wrong;
  }

  /** The gradient that forgets the last element of the outcome that is not zero. */
  private static float[] withoutATerm(OpSample sample, float[] values, int operand) {
    int last = values.length - 1;
    while (values[last] == 0) {
      last--;
    }
    return sample.run(sample.subsets() - 1, last).gradients()[operand];
  }

  private static boolean allEqual(float[] elements) {
    for (float element : elements) {
      if (element != elements[0]) {
        return false;
      }
    }
    return true;
  }

  /** Rows for columns; of a single row or column each element in the place of its neighbour. */
  private static float[] alongTheWrongAxis(float[] right, Shape shape) {
    int rows = shape.rows();
    int columns = shape.columns();
    float[] wrong = new float[right.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        if (rows == 1 || columns == 1) {
          wrong[(i * columns + j + 1) % right.length] = right[i * columns + j];
        } else {
          wrong[j * rows + i] = right[i * columns + j];
        }
      }
    }
    return wrong;
  }
}
