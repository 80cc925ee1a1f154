package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A classifier computes its last block for the last tokens alone: that must change nothing. */
class LastTokensTest {

  private static final Sequences BATCH =
      Sequences.of(
          new int[][] {{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3}, {8}, {4, 6, 2, 6}});

  private static final int[] CLASSES = {1, 0, 1};

  /** The gradients are sums in another order: the rounding of some hundred additions. */
  private static final double RELATIVE_ERROR = 1e-6;

  private static Gpt2Classifier model(QkvLayout layout) throws IOException {
    Gpt2Classifier model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout)
            .classifier(ClassifierHead.LORA, 1, 2);
    model.freeze();
    Lora.replaceLinearWithLora(model, 4, 8);
    model
        .trainedParameters()
        .forEach(
            (name, parameter) ->
                CounterRandom.fillGaussian(
                    CounterRandom.place(name), 0.1f, parameter.data())); // B = 0 would hide A
    return model;
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void logitsAreThoseOfTheFullComputationBitForBit(QkvLayout layout) throws IOException {
    Gpt2Classifier model = model(layout);
    for (Tape tape : new Tape[] {null, new Tape()}) {
      Tensor all = model.scoreEveryToken(BATCH, tape).gatherRows(BATCH.lastTokens());
      assertArrayEquals(all.data(), model.forward(BATCH, tape).data());
    }
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void gradientsAreThoseOfTheFullComputation(QkvLayout layout) throws IOException {
    Gpt2Classifier model = model(layout);
    Map<String, float[]> expected =
        gradients(model, model.scoreEveryToken(BATCH, new Tape()).gatherRows(BATCH.lastTokens()));
    Map<String, float[]> found = gradients(model, model.forward(BATCH, new Tape()));

    expected.forEach(
        (name, gradient) -> {
          double norm = distance(gradient, new float[gradient.length]);
          double error = distance(gradient, found.get(name));
          assertTrue(norm > 0, name);
          assertTrue(error <= RELATIVE_ERROR * norm, name + ": " + error / norm);
        });
  }

  private static Map<String, float[]> gradients(Gpt2Classifier model, Tensor logits) {
    logits.crossEntropy(CLASSES, -100).backward();
    Map<String, float[]> gradients = new LinkedHashMap<>();
    for (Map.Entry<String, Parameter> each : model.trainedParameters().entrySet()) {
      gradients.put(each.getKey(), each.getValue().grad().clone());
      each.getValue().zeroGrad();
    }
    return gradients;
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }
}
