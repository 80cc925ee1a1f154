package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProbeTest {

  private static final int CHANNELS = 4;
  private static final int VOCABULARY = 50;
  private static final int CONTEXT = 20;
  private static final String HASH = "a1".repeat(32);
  private static final String OTHER_HASH = "b2".repeat(32);

  @TempDir private Path folder;

  /** One published layer that scores the words, or classes by the last word. */
  private static final class Scores extends SequenceModel {
    private final int vocabulary;
    private final int context;
    private final boolean ofSequences;
    private final Embedding table;
    private final Slot layer;

    Scores(int vocabulary, int context, int scores, boolean ofSequences, @Nullable String sha256) {
      this.vocabulary = vocabulary;
      this.context = context;
      this.ofSequences = ofSequences;
      this.table =
          child(
              "table",
              new Embedding(Parameter.frozen(SmallModels.random(1, vocabulary, CHANNELS))));
      this.layer =
          slot(
              "layer",
              new Linear(
                  Parameter.frozen(SmallModels.random(2, scores, CHANNELS)),
                  Parameter.frozen(SmallModels.random(3, scores)),
                  new Origin("h.0.attn.c_attn", 0, scores, sha256)));
    }

    @Override
    public Tensor forward(Sequences batch, @Nullable Tape tape) {
      Tensor x = table.forward(batch.tokenIds(), tape);
      return layer.forward(ofSequences ? x.gatherRows(batch.lastTokens()) : x);
    }

    @Override
    public int contextLength() {
      return context;
    }

    @Override
    public int vocabularySize() {
      return vocabulary;
    }
  }

  private static Scores words(int vocabulary, int context) {
    return new Scores(vocabulary, context, vocabulary, false, null);
  }

  /** A base whose scores are all higher by something than those of another. */
  private static Scores base(float offset, @Nullable String sha256) {
    Scores model = new Scores(VOCABULARY, CONTEXT, VOCABULARY, false, sha256);
    float[] bias = parameter(model, "layer.bias");
    for (int i = 0; i < bias.length; i++) {
      bias[i] += offset;
    }
    return model;
  }

  private static float[] parameter(SequenceModel model, String name) {
    return Objects.requireNonNull(model.namedParameters().get(name)).data();
  }

  private static float[] tensor(Probe probe, String name) {
    return Objects.requireNonNull(probe.tensors().get(name)).data();
  }

  private static int[] question(Probe probe) {
    float[] ids = tensor(probe, Probe.TOKEN_IDS);
    int[] question = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      question[i] = (int) ids[i];
      assertEquals(ids[i], question[i]);
    }
    return question;
  }

  private static float[] lastRow(SequenceModel model, int[] question) {
    float[] scores = model.forward(Sequences.of(question), null).toArray();
    int columns = scores.length / question.length;
    return Arrays.copyOfRange(scores, scores.length - columns, scores.length);
  }

  @Test
  void questionIsOfTheVocabularyAndDependsOnTheSizesAlone() {
    Probe probe = Probe.of(words(VOCABULARY, CONTEXT));
    int[] question = question(probe);
    assertEquals(16, question.length);
    assertTrue(Arrays.stream(question).allMatch(id -> id >= 0 && id < VOCABULARY));
    assertTrue(Arrays.stream(question).distinct().count() > 4);
    assertArrayEquals(question, question(Probe.of(base(3, HASH))));
    assertEquals(7, question(Probe.of(words(VOCABULARY, 7))).length);
    assertFalse(Arrays.equals(question, question(Probe.of(words(VOCABULARY + 1, CONTEXT)))));
  }

  @Test
  void answerIsTheScoresOfTheLastTokenOfAThinnedVocabulary() {
    Scores small = words(VOCABULARY, CONTEXT);
    Probe probe = Probe.of(small);
    assertArrayEquals(lastRow(small, question(probe)), tensor(probe, Probe.LOGITS));

    Scores large = words(1500, CONTEXT);
    probe = Probe.of(large);
    float[] row = lastRow(large, question(probe));
    float[] logits = tensor(probe, Probe.LOGITS);
    assertEquals(1024, logits.length);
    for (int i = 0; i < logits.length; i++) {
      assertEquals(row[(int) Math.floor(i * 1500.0 / 1024)], logits[i], "entry " + i);
    }

    Scores classes = new Scores(VOCABULARY, CONTEXT, 3, true, null);
    probe = Probe.of(classes);
    assertArrayEquals(
        classes.forward(Sequences.of(question(probe)), null).toArray(),
        tensor(probe, Probe.LOGITS));
  }

  @Test
  void differenceIsTheLargestOfOneScore() {
    Scores model = words(VOCABULARY, CONTEXT);
    Probe probe = Probe.of(model);
    assertEquals(0, probe.difference(model));
    float[] bias = parameter(model, "layer.bias");
    bias[3] += 0.25f;
    bias[40] -= 0.5f;
    // A score of some units is rounded to a few 2^-22.
    assertEquals(0.5, probe.difference(model), 1e-5);
  }

  @Test
  void aModelOfOtherSizesCannotAnswer() {
    Probe probe = Probe.of(words(VOCABULARY, CONTEXT));
    int largest = Arrays.stream(question(probe)).max().orElse(0);
    for (SequenceModel other :
        new SequenceModel[] {
          words(largest, CONTEXT),
          words(VOCABULARY, 15),
          new Scores(VOCABULARY, CONTEXT, 3, true, null)
        }) {
      assertThrows(ShapeMismatchException.class, () -> probe.difference(other));
    }
  }

  @Test
  void aScoreThatIsNotFiniteIsNoAnswer() {
    Scores model = words(VOCABULARY, CONTEXT);
    Probe probe = Probe.of(model);
    parameter(model, "layer.bias")[VOCABULARY - 1] = Float.NaN;
    assertThrows(NonFiniteException.class, () -> Probe.of(model));
    assertThrows(NonFiniteException.class, () -> probe.difference(model));
  }

  private Path adapter(@Nullable String sha256) throws IOException {
    Scores model = base(0, sha256);
    model.freeze();
    Lora.apply(model, LoraConfig.of(2, 4));
    SmallModels.randomizeB(model, 5);
    AdapterFile.save(model, AdapterMetadata.of(TaskType.CAUSAL_LM), folder);
    return folder;
  }

  @Test
  void probeOfTheAdaptedModelIsStoredWithIt() throws IOException {
    Scores model = base(0, null);
    model.freeze();
    AdapterFile.load(model, adapter(null));
    SafetensorsFile file = SafetensorsFile.open(folder.resolve("lora4j.safetensors"));
    int[] question = question(Probe.of(model));
    float[] stored = file.readFloats(Probe.LOGITS);
    assertArrayEquals(lastRow(model, question), stored);
    assertArrayEquals(tensor(Probe.of(model), Probe.TOKEN_IDS), file.readFloats(Probe.TOKEN_IDS));
    assertFalse(Arrays.equals(lastRow(base(0, null), question), stored), "the adapter counts");
  }

  /** Nothing but the probe tells bases of unknown hashes apart; 0.01 is what it tolerates. */
  @ParameterizedTest
  @CsvSource({
    "0, true",
    "0.0099, true",
    "-0.0099, true",
    "0.0101, false",
    "-0.0101, false",
    "3, false"
  })
  void aBaseOfUnknownHashIsTakenIfTheProbeAgrees(float offset, boolean agrees) throws IOException {
    Path saved = adapter(null);
    Scores other = base(offset, null);
    if (agrees) {
      AdapterFile.load(other, saved);
      assertTrue(other.layer.layer() instanceof LinearWithLoRA);
      return;
    }
    MismatchException e =
        assertThrows(MismatchException.class, () -> AdapterFile.load(other, saved));
    assertEquals("AD-18", e.code());
    assertTrue(e.getMessage().contains("probe"), e.getMessage());
    assertTrue(other.layer.layer() instanceof Linear, "the adapter is out again");
  }

  @ParameterizedTest
  @ValueSource(floats = {0, 0.005f, 0.5f})
  void hashesThatDifferRefuseABaseThatIsNoRoundedCopyWhateverTheProbeSays(float offset)
      throws IOException {
    Path saved = adapter(HASH);
    Scores other = base(offset, OTHER_HASH);
    MismatchException e =
        assertThrows(MismatchException.class, () -> AdapterFile.load(other, saved));
    assertEquals("AD-18", e.code());
    assertTrue(e.getMessage().contains(OTHER_HASH), e.getMessage());
    assertEquals(offset > 0, e.getMessage().contains("logits of the probe are off by"));
    AdapterFile.load(base(offset, HASH), saved); // of an equal hash it warns at most
  }

  private static Map<String, float[]> stored(float[] ids, float[] logits) {
    return Map.of(Probe.TOKEN_IDS, ids, Probe.LOGITS, logits, "other", new float[1]);
  }

  @Test
  void aStoredProbeIsTakenUpAsItWas() throws IOException {
    Scores model = words(VOCABULARY, CONTEXT);
    Probe probe = Probe.of(model);
    Probe read =
        Objects.requireNonNull(
            Probe.of("file", stored(tensor(probe, Probe.TOKEN_IDS), tensor(probe, Probe.LOGITS))));
    assertEquals(0, read.difference(model));
    assertNotEquals(0, read.difference(base(1, null)));
    assertNull(Probe.of("file", Map.of("other", new float[1])));
  }

  @Test
  void aDamagedProbeIsRefused() {
    float[] one = {1};
    for (float[] ids : new float[][] {{}, new float[17], {1.5f}, {-1}, {1 << 24}, {Float.NaN}}) {
      AdapterFormatException e =
          assertThrows(AdapterFormatException.class, () -> Probe.of("file", stored(ids, one)));
      assertEquals("AD-01", e.code());
      assertTrue(e.getMessage().contains(Probe.TOKEN_IDS), e.getMessage());
    }
    assertThrows(AdapterFormatException.class, () -> Probe.of("file", stored(one, new float[0])));
    assertThrows(
        NonFiniteException.class,
        () -> Probe.of("file", stored(one, new float[] {0, Float.POSITIVE_INFINITY})));
    for (String part : new String[] {Probe.TOKEN_IDS, Probe.LOGITS}) {
      AdapterFormatException e =
          assertThrows(AdapterFormatException.class, () -> Probe.of("file", Map.of(part, one)));
      assertEquals("AD-05", e.code());
    }
  }
}
