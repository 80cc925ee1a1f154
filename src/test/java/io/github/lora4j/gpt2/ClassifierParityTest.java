package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The classifier against PyTorch before its first step, when B is zero and LoRA adds nothing. */
@Tag("parity")
class ClassifierParityTest {

  private static final double LOGITS = 1e-4;

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void logitsOfTheUntrainedClassifierAreThoseOfPyTorch(QkvLayout layout) throws IOException {
    SafetensorsFile expected =
        SafetensorsFile.open(Fixtures.folder().resolve("expected_classifier.safetensors"));
    float[] weight = expected.readFloats("out_head.weight");
    float[] bias = expected.readFloats("out_head.bias");
    Gpt2Classifier classifier =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout)
            .classifier(ClassifierHead.LORA, 0, bias.length);
    Linear score = (Linear) classifier.slots().get("score").layer();
    System.arraycopy(weight, 0, score.weight().data(), 0, weight.length);
    System.arraycopy(bias, 0, score.bias().data(), 0, bias.length);

    float[] logits = classifier.forward(firstBatch(expected), null).data();
    float[] theirs = expected.readFloats("logits.0");
    float[] exact = expected.readFloats("exact.logits.0");
    double error = LanguageModelParityTest.largestDifference(exact, logits);
    double theirError = LanguageModelParityTest.largestDifference(exact, theirs);
    assertTrue(LanguageModelParityTest.largestDifference(theirs, logits) <= LOGITS);
    assertTrue(error <= 4 * theirError + 1e-7, error + ", PyTorch's " + theirError);
  }

  private static Sequences firstBatch(SafetensorsFile expected) throws IOException {
    int[] ids = expected.readInts("inputs");
    int rows = expected.tensors().get("inputs").shape().get(1).intValue();
    int width = expected.tensors().get("inputs").shape().get(2).intValue();
    int[][] sequences = new int[rows][];
    for (int i = 0; i < rows; i++) {
      sequences[i] = Arrays.copyOfRange(ids, i * width, (i + 1) * width);
    }
    return Sequences.of(sequences);
  }
}
