package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The language model against PyTorch, at the gates of a tiny random GPT-2. */
@Tag("parity")
class LanguageModelParityTest {

  private static final double LOGITS = 1e-4;
  private static final double LOSS = 1e-5;

  private static SafetensorsFile expected;
  private static Map<String, Object> facts;
  private static int[] lengths;
  private static int width;
  private static Sequences batch;

  @BeforeAll
  static void read() throws IOException {
    expected = SafetensorsFile.open(Fixtures.folder().resolve("expected_lm.safetensors"));
    facts = Fixtures.json("expected_lm.json");
    lengths = expected.readInts("lengths");
    int[] ids = expected.readInts("input_ids");
    width = ids.length / lengths.length;
    int[][] rows = new int[lengths.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(ids, i * width, i * width + lengths[i]);
    }
    batch = Sequences.of(rows);
  }

  private static Gpt2 base(QkvLayout layout) throws IOException {
    return Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout);
  }

  /** The rows of a padded (B, T, columns) tensor that belong to real tokens. */
  private static float[] real(float[] padded) {
    int columns = padded.length / (lengths.length * width);
    float[] rows = new float[batch.tokens() * columns];
    int at = 0;
    for (int i = 0; i < lengths.length; i++) {
      int count = lengths[i] * columns;
      System.arraycopy(padded, i * width * columns, rows, at, count);
      at += count;
    }
    return rows;
  }

  static double largestDifference(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length);
    double largest = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - actual[i]);
      largest = difference > largest || difference != difference ? difference : largest;
    }
    return largest;
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void logitsAreThoseOfPyTorch(QkvLayout layout) throws IOException {
    float[] logits = base(layout).languageModel().forward(batch, null).data();
    double ours = largestDifference(real(expected.readFloats("logits")), logits);
    assertTrue(ours <= LOGITS, "difference " + ours);
    double theirs = (double) Fixtures.asMap(facts.get("torch_float32_error")).get("logits");
    double exact = largestDifference(real(expected.readFloats("logits.exact")), logits);
    assertTrue(exact <= 4 * theirs + 1e-7, "error %s, PyTorch's %s".formatted(exact, theirs));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void everyHiddenStateIsThatOfPyTorch(QkvLayout layout) throws IOException {
    Gpt2Backbone transformer = base(layout).languageModel().transformer();
    Tensor x = transformer.embed(batch, null);
    int blocks = transformer.config().nLayer();
    for (int i = 0; i < blocks; i++) {
      assertHidden(i, x);
      x = transformer.block(i, x, batch);
    }
    assertHidden(blocks, transformer.normalize(x));
  }

  private static void assertHidden(int number, Tensor x) throws IOException {
    double difference = largestDifference(real(expected.readFloats("hidden." + number)), x.data());
    assertTrue(difference <= LOGITS, "hidden state " + number + ": " + difference);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void lossIsThatOfPyTorch(QkvLayout layout) throws IOException {
    int[] targets = new int[batch.tokens()];
    System.arraycopy(batch.tokenIds(), 1, targets, 0, targets.length - 1);
    for (int last : batch.lastTokens()) {
      targets[last] = -100;
    }
    float loss =
        base(layout).languageModel().forward(batch, null).crossEntropy(targets, -100).item();
    assertEquals((double) facts.get("loss"), loss, LOSS);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void greedyContinuationIsThatOfPyTorch(QkvLayout layout) throws IOException {
    Gpt2LanguageModel model = base(layout).languageModel();
    int[] expectedIds = Fixtures.ints(facts.get("greedy_next_24"));
    int[] ids = Fixtures.ints(facts.get("greedy_prompt"));
    int prompt = ids.length;
    for (int i = 0; i < expectedIds.length; i++) {
      float[] logits = model.nextToken(Sequences.of(ids)).data();
      int best = 0;
      for (int j = 1; j < logits.length; j++) {
        best = logits[j] > logits[best] ? j : best;
      }
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = best;
    }
    assertArrayEquals(expectedIds, Arrays.copyOfRange(ids, prompt, ids.length));
  }
}
