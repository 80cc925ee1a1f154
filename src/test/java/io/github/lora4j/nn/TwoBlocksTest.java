package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.DoubleOps;
import io.github.lora4j.tensor.GradientAssert;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Forward and backward through a whole model, end to end. */
class TwoBlocksTest {

  private static final int IGNORED = -100;
  private static final Sequences BATCH = Sequences.of(new int[][] {{3, 1, 4, 1, 5}, {9}, {2, 6}});
  private static final int[] TARGETS = {1, 4, 1, 5, IGNORED, IGNORED, 6, 10};

  private static TwoBlocks small() {
    return new TwoBlocks(11, 5, 6, 2);
  }

  private static float loss(TwoBlocks model) {
    return model.forward(BATCH, null).crossEntropy(TARGETS, IGNORED).item();
  }

  private static void backward(TwoBlocks model) {
    model.forward(BATCH, new Tape()).crossEntropy(TARGETS, IGNORED).backward();
  }

  private static Map<String, double[]> wide(TwoBlocks model) {
    Map<String, double[]> values = new LinkedHashMap<>();
    model.namedParameters().forEach((name, p) -> values.put(name, DoubleOps.widen(p.data())));
    return values;
  }

  private static double expectedLoss(TwoBlocks model, Map<String, double[]> values) {
    return DoubleOps.crossEntropy(model.expectedLogits(values, BATCH), TARGETS, IGNORED);
  }

  private static void assertGradients(TwoBlocks model) {
    Map<String, double[]> values = wide(model);
    model
        .trainedParameters()
        .forEach(
            (name, parameter) -> {
              double[] value = values.get(name);
              double[] expected =
                  GradientAssert.centralDifferences(
                      value,
                      shifted -> {
                        values.put(name, shifted);
                        return expectedLoss(model, values);
                      });
              values.put(name, value);
              GradientAssert.assertGradient(name, expected, parameter.grad());
            });
  }

  @Test
  void logitsAndLossEqualDoublePrecision() {
    TwoBlocks model = small();

    GradientAssert.assertClose(
        "logits", model.expectedLogits(wide(model), BATCH), model.forward(BATCH, null).data());
    assertEquals(expectedLoss(model, wide(model)), loss(model), 1e-6);
  }

  @Test
  void gradientsOfTheBranchesEqualDoublePrecision() {
    TwoBlocks model = small().trainingBranches();
    backward(model);

    assertEquals(16, model.trainedParameters().size());
    assertGradients(model);
    model
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              if (!TwoBlocks.isOfABranch(name)) {
                assertNull(parameter.grad(), name);
              }
            });
  }

  /** The embedding is also the head, so its gradient has two parts. */
  @Test
  void gradientsOfEveryParameterEqualDoublePrecision() {
    TwoBlocks model = small();
    backward(model);

    assertEquals(model.namedParameters().size() - 1, model.trainedParameters().size());
    assertGradients(model);
  }

  /** With B zero, as an adapter begins, a check of A would compare zeros. */
  @Test
  void withBZeroOnlyBHasAGradient() {
    TwoBlocks model = small().trainingBranches();
    Map<String, Parameter> trained = model.trainedParameters();
    trained.forEach(
        (name, parameter) -> {
          if (name.endsWith(".B")) {
            Arrays.fill(parameter.data(), 0);
          }
        });
    backward(model);

    trained.forEach(
        (name, parameter) -> {
          float[] gradient = parameter.grad();
          assertNotNull(gradient, name);
          assertEquals(name.endsWith(".A"), norm(List.of(gradient)) == 0, name);
        });
  }

  private static double norm(List<float[]> vectors) {
    double squares = 0;
    for (float[] vector : vectors) {
      for (float element : vector) {
        squares += (double) element * element;
      }
    }
    return Math.sqrt(squares);
  }

  private static double dot(List<float[]> a, List<float[]> b) {
    double dot = 0;
    for (int i = 0; i < a.size(); i++) {
      for (int j = 0; j < a.get(i).length; j++) {
        dot += (double) a.get(i)[j] * b.get(i)[j];
      }
    }
    return dot;
  }

  private static List<float[]> randomUnit(List<Parameter> parameters, long key) {
    List<float[]> direction = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      float[] part = new float[parameters.get(i).shape().numel()];
      CounterRandom.fillGaussian(CounterRandom.key(key, i), 1, part);
      direction.add(part);
    }
    double norm = norm(direction);
    for (float[] part : direction) {
      for (int j = 0; j < part.length; j++) {
        part[j] /= (float) norm;
      }
    }
    return direction;
  }

  private static double lossAlong(
      TwoBlocks model, List<Parameter> parameters, List<float[]> direction, float step) {
    List<float[]> before = parameters.stream().map(p -> p.data().clone()).toList();
    for (int i = 0; i < parameters.size(); i++) {
      float[] data = parameters.get(i).data();
      for (int j = 0; j < data.length; j++) {
        data[j] += step * direction.get(i)[j];
      }
    }
    double loss = loss(model);
    for (int i = 0; i < parameters.size(); i++) {
      float[] data = parameters.get(i).data();
      System.arraycopy(before.get(i), 0, data, 0, data.length);
    }
    return loss;
  }

  /**
   * The float32 model against itself. A loss near 3 is rounded by 1e-7, a step of 1e-2 makes 1e-5
   * of that; the gate is a thousandth of the gradient's norm.
   */
  @Test
  void theLossMovesAsTheGradientSaysInRandomDirections() {
    TwoBlocks model = small().trainingBranches();
    backward(model);
    List<Parameter> parameters = List.copyOf(model.trainedParameters().values());
    List<float[]> gradient = parameters.stream().map(Parameter::grad).toList();
    double norm = norm(gradient);
    assertTrue(norm > 0.1, "norm " + norm);

    float step = 1e-2f;
    for (int i = 0; i < 20; i++) {
      List<float[]> direction = randomUnit(parameters, i);
      double slope =
          (lossAlong(model, parameters, direction, step)
                  - lossAlong(model, parameters, direction, -step))
              / (2 * step);
      assertEquals(dot(gradient, direction), slope, 1e-3 * norm, "direction " + i);
    }
  }

  /** Sizes at which rows, elements, heads and sequences are shared out among threads. */
  @Test
  void bitsDoNotDependOnTheNumberOfThreadsNorOnTheRun() {
    int[][] rows = new int[3][];
    int[] lengths = {100, 1, 151};
    int[] targets = new int[252];
    for (int s = 0; s < rows.length; s++) {
      rows[s] = new int[lengths[s]];
      for (int t = 0; t < lengths[s]; t++) {
        rows[s][t] = (int) (211 * CounterRandom.uniform(s, t));
      }
    }
    for (int i = 0; i < targets.length; i++) {
      targets[i] = (int) (211 * CounterRandom.uniform(9, i));
    }
    Sequences batch = Sequences.of(rows);
    int before = Parallel.threads();
    try {
      Parallel.setThreads(1);
      List<float[]> expected = lossAndGradients(batch, targets);
      for (int threads : new int[] {1, 2, 3, 8}) {
        Parallel.setThreads(threads);
        List<float[]> actual = lossAndGradients(batch, targets);
        for (int i = 0; i < expected.size(); i++) {
          assertArrayEquals(expected.get(i), actual.get(i), threads + " threads, part " + i);
        }
      }
    } finally {
      Parallel.setThreads(before);
    }
  }

  private static List<float[]> lossAndGradients(Sequences batch, int[] targets) {
    TwoBlocks model = new TwoBlocks(211, 151, 48, 4);
    List<float[]> parts = new ArrayList<>();
    for (boolean branchesOnly : new boolean[] {true, false}) {
      if (branchesOnly) {
        model.trainingBranches();
      } else {
        model.unfreeze();
      }
      Tape tape = new Tape(1, 2, 3);
      Tensor logits = model.forward(batch, tape).dropout(0.1f, CounterRandom.place("head"));
      Tensor loss = logits.crossEntropy(targets, IGNORED);
      loss.backward();
      parts.add(loss.data());
      for (Parameter parameter : model.trainedParameters().values()) {
        parts.add(parameter.grad().clone());
        parameter.zeroGrad();
      }
    }
    return parts;
  }

  /**
   * The first use of a frozen weight lays it out anew, so all threads begin with a fresh model at
   * once.
   */
  @Test
  void manyThreadsRunOneFrozenModelWithEqualResults() throws Exception {
    float[] expected = small().forward(BATCH, null).data();
    TwoBlocks model = small();
    model.freeze();
    int callers = 8;
    CountDownLatch ready = new CountDownLatch(callers);
    ExecutorService executor = Executors.newFixedThreadPool(callers);
    try {
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        calls.add(
            executor.submit(
                () -> {
                  ready.countDown();
                  ready.await();
                  for (int run = 0; run < 20; run++) {
                    assertArrayEquals(
                        model.forward(BATCH, null).data(), model.forward(BATCH, null).data());
                  }
                  return model.forward(BATCH, null).data();
                }));
      }
      float[] first = (float[]) calls.get(0).get();
      for (Future<?> call : calls) {
        assertArrayEquals(first, (float[]) call.get());
      }
      // The frozen model multiplies packed weights, the trained one does not.
      assertArrayEquals(expected, first, 1e-5f);
    } finally {
      executor.shutdownNow();
    }
  }

  @Test
  void aFrozenModelRecordsNothing() {
    TwoBlocks model = small();
    model.freeze();
    Tape tape = new Tape();
    model.forward(BATCH, tape);

    assertEquals(0, tape.size());
  }
}
