package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards of F16 and BF16, as PyTorch narrowed them, against the same weights in F32. */
@Tag("parity")
class NarrowWeightsParityTest {

  /** The largest relative error of rounding to so many bits of mantissa. */
  private static final double HALF_ERROR = 0x1p-11;

  private static final double BFLOAT_ERROR = 0x1p-8;

  @TempDir private Path folder;

  private static Gpt2 load(String name) throws IOException {
    return Gpt2.load(Fixtures.folder().resolve(name));
  }

  private static void assertBitEqual(Gpt2 expected, Gpt2 actual, UnaryOperator<Float> narrow) {
    Map<String, Parameter> found = actual.languageModel().namedParameters();
    Map<String, Parameter> wide = expected.languageModel().namedParameters();
    assertEquals(wide.keySet(), found.keySet());
    wide.forEach(
        (name, parameter) -> {
          float[] values = found.get(name).tensor().toArray();
          float[] exact = parameter.tensor().toArray();
          for (int i = 0; i < values.length; i++) {
            int bits = Float.floatToRawIntBits(narrow.apply(exact[i]));
            assertEquals(bits, Float.floatToRawIntBits(values[i]), name + " " + i);
          }
        });
  }

  /** The nearest number with the upper 16 bits of a float alone, ties to even. */
  private static float bfloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
  }

  @Test
  void bfloatShardsAreTheNarrowedWeights() throws IOException {
    assertBitEqual(
        load("gpt2-tiny"), load("gpt2-tiny-sharded-bf16"), NarrowWeightsParityTest::bfloat);
  }

  @Test
  void halfShardsAreTheNarrowedWeights() throws IOException {
    load("gpt2-tiny").save(folder, DType.F16);
    assertBitEqual(Gpt2.load(folder), load("gpt2-tiny-sharded-f16"), value -> value);
  }

  @Test
  void logitsOfNarrowedWeightsAreClose() throws IOException {
    assertTrue(logitsError("gpt2-tiny-sharded-f16") <= 8 * HALF_ERROR);
    assertTrue(logitsError("gpt2-tiny-sharded-bf16") <= 8 * BFLOAT_ERROR);
  }

  /** The relative error, by Euclidean norms. Some roundings lie on the way from input to logits. */
  private static double logitsError(String name) throws IOException {
    Sequences batch = Sequences.of(new int[][] {{1, 2, 3, 5, 8, 13, 21, 34, 55}, {89, 144}});
    float[] exact = load("gpt2-tiny").languageModel().forward(batch, null).data();
    float[] logits = load(name).languageModel().forward(batch, null).data();
    double error = 0;
    double norm = 0;
    for (int i = 0; i < logits.length; i++) {
      error += Math.pow(logits[i] - exact[i], 2);
      norm += Math.pow(exact[i], 2);
    }
    return Math.sqrt(error / norm);
  }
}
