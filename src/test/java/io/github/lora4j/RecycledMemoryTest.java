package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2Classifier;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Buffers;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Training in memory that is used again, against training in fresh memory. */
class RecycledMemoryTest {

  private static final int STEPS = 4;

  /** Shorter steps use the memory of longer ones, and the third must make some anew. */
  private static final int[] WIDTHS = {19, 11, 24, 17};

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void aLoraRunHasTheSameBits(QkvLayout layout) throws IOException {
    List<float[]> fresh = loraRun(layout, null);
    List<float[]> recycled = loraRun(layout, new Buffers());

    assertTrue(fresh.size() > STEPS);
    assertEquals(fresh.size(), recycled.size());
    for (int i = 0; i < fresh.size(); i++) {
      assertArrayEquals(fresh.get(i), recycled.get(i), "array " + i);
    }
  }

  /** Losses and gradients of each step. */
  private static List<float[]> loraRun(QkvLayout layout, Buffers buffers) throws IOException {
    Gpt2Classifier model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout)
            .classifier(ClassifierHead.LORA, 1, 2);
    model.freeze();
    Lora.replaceLinearWithLora(model, 4, 8);
    return run(model, buffers, 1e-2f);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void aRunThatTrainsEveryParameterHasTheSameBits(int seed) throws IOException {
    Gpt2 base = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"));
    List<List<float[]>> runs = new ArrayList<>();
    for (Buffers buffers : new Buffers[] {null, new Buffers()}) {
      Gpt2Classifier model =
          Gpt2.initialize(base.config(), QkvLayout.FUSED, seed)
              .classifier(ClassifierHead.FULL, seed, 2);
      runs.add(run(model, buffers, 1e-3f));
    }

    for (int i = 0; i < runs.get(0).size(); i++) {
      assertArrayEquals(runs.get(0).get(i), runs.get(1).get(i), "array " + i);
    }
  }

  private static List<float[]> run(Gpt2Classifier model, Buffers buffers, float learningRate) {
    int rows = 4;
    AdamW optimizer = new AdamW(model.trainedParameters(), learningRate, 0.1f);
    List<float[]> results = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      int width = WIDTHS[step];
      int[][] ids = new int[rows][width];
      for (int i = 0; i < rows; i++) {
        int first = 31 * step + 7 * i;
        Arrays.setAll(ids[i], t -> (first + 13 * t) % model.vocabularySize());
      }
      optimizer.zeroGrad();
      Tensor loss =
          model
              .forward(Sequences.of(ids), new Tape(buffers, 1, 0, step))
              .crossEntropy(new int[] {0, 1, 1, 0}, -100);
      loss.backward();
      results.add(new float[] {loss.item()});
      for (Parameter each : model.trainedParameters().values()) {
        results.add(each.grad().clone());
      }
      optimizer.step(1);
    }
    return results;
  }
}
