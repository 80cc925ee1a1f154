package io.github.lora4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.AdapterFile;
import io.github.lora4j.lora.AdapterMetadata;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Batch;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ten steps of AdamW from an adapter that PEFT began go where PEFT's go. */
class TrajectoryTest {

  private static final double LOSS = 1e-5;
  private static final double NORM = 1e-5;
  private static final double UPDATE = 1e-3;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"lora", "rslora", "dora"})
  void tenStepsAreThoseOfPeft(String variant) throws IOException {
    Path trajectory = Fixtures.folder().resolve("trajectory");
    Path initial = trajectory.resolve(variant).resolve("initial");
    Map<String, Object> expected = Fixtures.json("trajectory/" + variant + "/expected.json");
    double[] losses = Fixtures.doubles(expected.get("losses"));
    double[] norms = Fixtures.doubles(expected.get("gradient_norms_before_clipping"));
    SafetensorsFile batches = SafetensorsFile.open(trajectory.resolve("batches.safetensors"));
    int[] ids = batches.readInts("input_ids");
    int rows = Math.toIntExact(batches.tensors().get("input_ids").shape().get(1));
    int length = Math.toIntExact(batches.tensors().get("input_ids").shape().get(2));
    Gpt2LanguageModel model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), QkvLayout.FUSED).languageModel();
    AdapterMetadata metadata = AdapterFile.load(model, initial);
    AdamW optimizer = new AdamW(model.trainedParameters(), 1e-3f, 0.01f);
    assertTrue(losses.length >= 10);
    for (int step = 0; step < losses.length; step++) {
      int[][] texts = new int[rows][];
      int[] targets = new int[rows * length];
      Arrays.fill(targets, Batch.IGNORE_INDEX);
      for (int row = 0; row < rows; row++) {
        int from = (step * rows + row) * length;
        texts[row] = Arrays.copyOfRange(ids, from, from + length);
        System.arraycopy(texts[row], 1, targets, row * length, length - 1);
      }
      optimizer.zeroGrad();
      Tensor loss = model.loss(Sequences.of(texts), targets, Batch.IGNORE_INDEX, new Tape());
      loss.backward();
      double norm = optimizer.gradientNorm();
      optimizer.step((float) Math.min(1, 1 / (norm + 1e-6)));
      assertEquals(losses[step], loss.item(), LOSS, "loss of step " + step);
      assertEquals(norms[step], norm, NORM * norms[step], "gradient norm of step " + step);
    }
    AdapterFile.save(model, metadata, folder);
    assertSameUpdates(initial, trajectory.resolve(variant).resolve("final"));
  }

  private void assertSameUpdates(Path initial, Path last) throws IOException {
    String name = "adapter_model.safetensors";
    SafetensorsFile before = SafetensorsFile.open(initial.resolve(name));
    SafetensorsFile wanted = SafetensorsFile.open(last.resolve(name));
    SafetensorsFile got = SafetensorsFile.open(folder.resolve(name));
    assertEquals(wanted.names().size(), got.names().size());
    for (String tensor : wanted.names()) {
      float[] start = before.readFloats(tensor);
      float[] end = wanted.readFloats(tensor);
      float[] own = got.readFloats(tensor);
      double difference = 0;
      double update = 0;
      for (int i = 0; i < start.length; i++) {
        difference += Math.pow((double) own[i] - end[i], 2);
        update += Math.pow((double) end[i] - start[i], 2);
      }
      assertTrue(update > 0, tensor + " moves");
      assertTrue(
          Math.sqrt(difference / update) <= UPDATE,
          tensor + " is off by " + Math.sqrt(difference / update));
    }
  }
}
