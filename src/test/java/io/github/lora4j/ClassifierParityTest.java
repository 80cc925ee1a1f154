package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The classifier of the book's recipe, with a LoRA on every Linear, trained as PyTorch trains it:
 * losses, gradients and the final A and B at the gates of a tiny random GPT-2.
 */
@Tag("parity")
class ClassifierParityTest {

  private static final double LOSS = 1e-5;
  private static final double LOGITS = 1e-4;
  private static final double GRADIENT = 1e-4;
  private static final double UPDATE = 1e-3;

  private static SafetensorsFile expected;
  private static Map<String, Object> facts;

  /** What our run gave: losses, and tensors under the names of the expected ones. */
  private static double[] losses;

  private static final Map<String, float[]> RUN = new TreeMap<>();

  @BeforeAll
  static void train() throws IOException {
    expected = SafetensorsFile.open(Fixtures.folder().resolve("expected_classifier.safetensors"));
    facts = Fixtures.json("expected_classifier.json");
    Gpt2Classifier model = model();
    AdamW optimizer = new AdamW(model.trainedParameters(), 8e-4f, 0.1f);
    int[] inputs = expected.readInts("inputs");
    int[] targets = expected.readInts("targets");
    losses = new double[Fixtures.doubles(facts.get("losses")).length];
    int rows = targets.length / losses.length;
    int width = inputs.length / targets.length;
    for (int step = 0; step < losses.length; step++) {
      int[][] ids = new int[rows][];
      for (int i = 0; i < rows; i++) {
        int from = (step * rows + i) * width;
        ids[i] = Arrays.copyOfRange(inputs, from, from + width);
      }
      optimizer.zeroGrad();
      Tensor logits = model.forward(Sequences.of(ids), new Tape());
      Tensor loss =
          logits.crossEntropy(Arrays.copyOfRange(targets, step * rows, (step + 1) * rows), -100);
      loss.backward();
      losses[step] = loss.item();
      String prefix = "grad." + step + ".";
      if (expected.names().contains("logits." + step)) {
        RUN.put("logits." + step, logits.data());
        model
            .trainedParameters()
            .forEach((name, each) -> RUN.put(prefix + published(name), each.grad().clone()));
      }
      optimizer.step(1);
    }
    model
        .trainedParameters()
        .forEach((name, each) -> RUN.put("final." + published(name), each.data()));
  }

  private static Gpt2Classifier model() throws IOException {
    Gpt2Classifier model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), QkvLayout.SPLIT)
            .classifier(ClassifierHead.LORA, 1, 2);
    model.freeze();
    Map<String, Parameter> frozen = model.namedParameters();
    copy("out_head.weight", frozen.get("score.weight"));
    copy("out_head.bias", frozen.get("score.bias"));
    Lora.replaceLinearWithLora(
        model, (int) (double) facts.get("rank"), (float) (double) facts.get("alpha"));
    for (Map.Entry<String, Parameter> each : model.trainedParameters().entrySet()) {
      copy("init." + published(each.getKey()), each.getValue());
    }
    return model;
  }

  private static void copy(String name, Parameter parameter) throws IOException {
    float[] values = expected.readFloats(name);
    assertEquals(parameter.data().length, values.length, name);
    System.arraycopy(values, 0, parameter.data(), 0, values.length);
  }

  /** The name of a parameter of ours in the reference program. */
  private static String published(String name) {
    return name.replace("transformer.h.", "trf_blocks.")
        .replace("attn.query", "att.W_query")
        .replace("attn.key", "att.W_key")
        .replace("attn.value", "att.W_value")
        .replace("attn.c_proj", "att.out_proj")
        .replace("mlp.c_fc", "ff.layers.0")
        .replace("mlp.c_proj", "ff.layers.2")
        .replace("score", "out_head");
  }

  @Test
  void asManyNumbersAreTrained() throws IOException {
    assertEquals(
        (double) facts.get("trainable_parameters"), (double) model().trainedParameterCount());
  }

  @Test
  void lossesAreThoseOfPyTorch() {
    double[] theirs = Fixtures.doubles(facts.get("losses_exact"));
    for (int step = 0; step < losses.length; step++) {
      assertEquals(theirs[step], losses[step], LOSS, "step " + step);
    }
  }

  @Test
  void logitsAreThoseOfPyTorch() throws IOException {
    int compared = 0;
    for (String name : RUN.keySet()) {
      if (name.startsWith("logits.")) {
        double error = largestDifference(expected.readFloats("exact." + name), RUN.get(name));
        assertTrue(error <= LOGITS, name + ": " + error);
        compared++;
      }
    }
    assertEquals(2, compared);
  }

  @Test
  void gradientsAreThoseOfPyTorch() throws IOException {
    int compared = 0;
    for (String name : RUN.keySet()) {
      if (!name.startsWith("grad.")) {
        continue;
      }
      float[] exact = expected.readFloats("exact." + name);
      boolean zeroByConstruction = name.startsWith("grad.0.") && name.endsWith(".A");
      if (zeroByConstruction) {
        assertEquals(0, norm(exact), name);
        assertEquals(0, norm(RUN.get(name)), name);
      } else {
        assertTrue(norm(exact) > 0, name + " is zero");
        double error = relativeError(exact, RUN.get(name));
        assertTrue(error <= GRADIENT, name + ": " + error);
      }
      compared++;
    }
    assertEquals(4 * adaptedLayers(), compared);
  }

  @Test
  void updatesAreThoseOfPyTorch() throws IOException {
    int compared = 0;
    for (String name : RUN.keySet()) {
      if (name.startsWith("final.")) {
        float[] initial = expected.readFloats(name.replace("final.", "init."));
        float[] theirs = difference(expected.readFloats("exact." + name), initial);
        float[] ours = difference(RUN.get(name), initial);
        assertTrue(norm(theirs) > 0, name + " did not move");
        double error = relativeError(theirs, ours);
        assertTrue(error <= UPDATE, name + ": " + error);
        compared++;
      }
    }
    assertEquals(2 * adaptedLayers(), compared);
  }

  private static int adaptedLayers() {
    return (int)
        expected.names().stream()
            .filter(name -> name.startsWith("init.") && name.endsWith(".A"))
            .count();
  }

  private static float[] difference(float[] a, float[] b) {
    float[] difference = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return difference;
  }

  private static double largestDifference(float[] a, float[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
    }
    return largest;
  }

  private static double relativeError(float[] exact, float[] ours) {
    return norm(difference(exact, ours)) / norm(exact);
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }
}
