package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.nn.Gelu;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The models that are made from a base, and what they share. */
class Gpt2ModelsTest {

  private static final Gpt2Config SIZES = new Gpt2Config(50, 12, 24, 2, 3, 40, 1e-5f);

  private static final int[][] ROWS = {{3, 1, 4, 1, 5, 9, 2}, {6}, {5, 3, 5, 8, 9, 7, 9, 3, 2, 3}};

  private final Gpt2 base = Gpt2.initialize(SIZES, QkvLayout.FUSED, 11);

  private static float[] rows(Tensor x, int first, int count) {
    int columns = x.shape().columns();
    return Arrays.copyOfRange(x.data(), first * columns, (first + count) * columns);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void sequencesOfABatchAreEachAsAloneBitForBit(QkvLayout layout) {
    Gpt2 some = Gpt2.initialize(SIZES, layout, 11);
    Gpt2LanguageModel languageModel = some.languageModel();
    Gpt2Classifier classifier = some.classifier(ClassifierHead.LORA, 1, 3);
    Sequences batch = Sequences.of(ROWS);
    Tensor logits = languageModel.forward(batch, null);
    Tensor classes = classifier.forward(batch, null);
    Tensor next = languageModel.nextToken(batch);
    assertArrayEquals(new int[] {18, 50}, logits.shape().toArray());
    assertArrayEquals(new int[] {3, 3}, classes.shape().toArray());
    for (int i = 0; i < ROWS.length; i++) {
      Sequences alone = Sequences.of(ROWS[i]);
      assertArrayEquals(
          languageModel.forward(alone, null).data(),
          rows(logits, batch.offsets()[i], ROWS[i].length));
      assertArrayEquals(classifier.forward(alone, null).data(), rows(classes, i, 1));
      assertArrayEquals(rows(next, i, 1), rows(logits, batch.lastTokens()[i], 1));
    }
  }

  @Test
  void bothLayoutsComputeTheSame() {
    Sequences batch = Sequences.of(ROWS);
    Gpt2 split = Gpt2.initialize(SIZES, QkvLayout.SPLIT, 11);
    assertArrayEquals(
        base.languageModel().forward(batch, null).data(),
        split.languageModel().forward(batch, null).data());
  }

  @Test
  void classifierReadsTheNormedLastTokenOfTheLanguageModel() {
    Gpt2Classifier classifier = base.classifier(ClassifierHead.LORA, 1, List.of("ham", "spam"));
    Sequences batch = Sequences.of(ROWS);
    Tensor last = classifier.transformer().forward(batch, null).gatherRows(batch.lastTokens());
    Linear score = (Linear) classifier.slots().get("score").layer();
    assertArrayEquals(score.forward(last).data(), classifier.forward(batch, null).data());
    assertEquals(List.of("ham", "spam"), classifier.labels());
  }

  @Test
  void modelsOfOneBaseShareItsParametersButNotTheirSlots() {
    Gpt2LanguageModel first = base.languageModel();
    Gpt2LanguageModel second = base.languageModel();
    Gpt2Classifier classifier = base.classifier(ClassifierHead.LORA, 1, 2);
    Map<String, Parameter> others = second.namedParameters();
    first.namedParameters().forEach((name, parameter) -> assertSame(parameter, others.get(name)));
    first
        .namedParameters()
        .forEach((name, each) -> assertSame(each, classifier.namedParameters().get(name)));
    float[] before = second.forward(Sequences.of(ROWS), null).data();
    first.namedModules().get("transformer.h.0.mlp").slots().get("c_proj").set(new Gelu());
    assertArrayEquals(before, second.forward(Sequences.of(ROWS), null).data());
  }

  @Test
  void tokenEmbeddingsAreTheOutputWeightsAndCountOnce() {
    Gpt2LanguageModel model = base.languageModel();
    assertEquals(SIZES.parameterCount(), model.parameterCount());
    assertFalse(model.namedParameters().keySet().stream().anyMatch(n -> n.contains("lm_head")));
    assertTrue(model.namedParameters().containsKey("transformer.wte.weight"));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void countIsThatOfTheFormula(QkvLayout layout) {
    long c = 24;
    long perBlock =
        2 * c + (3 * c * c + 3 * c) + (c * c + c) + 2 * c + (40 * c + 40) + (40 * c + c);
    long expected = 50 * c + 12 * c + 2 * perBlock + 2 * c;
    Gpt2 some = Gpt2.initialize(SIZES, layout, 11);
    assertEquals(expected, some.config().parameterCount());
    assertEquals(expected, some.languageModel().parameterCount());
    assertEquals(expected + 2 * c + 2, some.classifier(ClassifierHead.LORA, 1, 2).parameterCount());
    assertEquals(expected + 2 * c, some.classifier(ClassifierHead.FULL, 1, 2).parameterCount());
  }

  @Test
  void fixtureHasAsManyNumbersAsItsConfigurationSays() throws IOException {
    Gpt2 fixture = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"));
    assertEquals(fixture.config().parameterCount(), fixture.languageModel().parameterCount());
    assertEquals(0, fixture.languageModel().trainedParameterCount());
  }

  @Test
  void headForLoraIsRandomFrozenAndHasABiasOfZeros() {
    Linear score = score(base.classifier(ClassifierHead.LORA, 1, 4));
    double bound = 1 / Math.sqrt(24);
    double largest = 0;
    for (float weight : score.weight().data()) {
      largest = Math.max(largest, Math.abs(weight));
    }
    assertTrue(largest <= bound && largest > 0.9 * bound, largest + " of " + bound);
    assertFalse(score.weight().isTrained());
    assertFalse(score.bias().isTrained());
    assertArrayEquals(new float[4], score.bias().data());
  }

  @Test
  void fullHeadIsTrainedAndHasNoBias() {
    Linear score = score(base.classifier(ClassifierHead.FULL, 1, 50));
    assertTrue(score.weight().isTrained());
    assertEquals(null, score.bias());
    assertDeviation(0.02, score.weight().data());
  }

  @Test
  void headIsAFunctionOfTheSeed() {
    float[] first = score(base.classifier(ClassifierHead.LORA, 1, 2)).weight().data();
    assertArrayEquals(first, score(base.classifier(ClassifierHead.LORA, 1, 2)).weight().data());
    float[] other = score(base.classifier(ClassifierHead.LORA, 2, 2)).weight().data();
    assertNotEquals(first[0], other[0]);
  }

  private static Linear score(Gpt2Classifier classifier) {
    return (Linear) classifier.slots().get("score").layer();
  }

  @Test
  void labelsMustBeSeveralAndDiffer() {
    assertThrows(IllegalArgumentException.class, () -> base.classifier(ClassifierHead.LORA, 1, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> base.classifier(ClassifierHead.LORA, 1, List.of("a", "b", "a")));
  }

  /**
   * The deviation of n normal numbers is itself off by 1 / sqrt(2n), relatively; five times that.
   */
  private static void assertDeviation(double expected, float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    double relative = Math.sqrt(squares / values.length) / expected;
    assertEquals(1, relative, 5 / Math.sqrt(2.0 * values.length));
  }

  @Test
  void newBaseStartsAsGpt2Does() {
    Map<String, Parameter> parameters = base.languageModel().namedParameters();
    assertDeviation(0.02, parameters.get("transformer.wte.weight").data());
    assertDeviation(0.02, parameters.get("transformer.wpe.weight").data());
    assertDeviation(0.02, parameters.get("transformer.h.1.attn.c_attn.weight").data());
    assertDeviation(0.01, parameters.get("transformer.h.0.attn.c_proj.weight").data());
    assertDeviation(0.01, parameters.get("transformer.h.1.mlp.c_proj.weight").data());
    assertArrayEquals(new float[40], parameters.get("transformer.h.1.mlp.c_fc.bias").data());
    for (float scale : parameters.get("transformer.h.0.ln_2.weight").data()) {
      assertEquals(1, scale);
    }
    assertArrayEquals(new float[24], parameters.get("transformer.ln_f.bias").data());
    assertNotEquals(
        parameters.get("transformer.h.0.mlp.c_fc.weight").data()[0],
        parameters.get("transformer.h.1.mlp.c_fc.weight").data()[0]);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void everyParameterOfANewBaseIsTrained(QkvLayout layout) {
    Gpt2LanguageModel model = Gpt2.initialize(SIZES, layout, 11).languageModel();
    Sequences batch = Sequences.of(ROWS);
    int[] targets = new int[batch.tokens()];
    model.forward(batch, new Tape()).crossEntropy(targets, -100).backward();
    model
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              float[] grad = parameter.grad();
              assertNotNull(grad, name);
              boolean moves = false;
              for (float each : grad) {
                moves |= each != 0;
              }
              assertTrue(moves, name);
            });
  }

  @Test
  void frozenBaseRecordsNothing() {
    Gpt2LanguageModel model = base.languageModel();
    model.freeze();
    Tape tape = new Tape();
    model.forward(Sequences.of(ROWS), tape);
    assertEquals(0, tape.size());
  }

  @Test
  void sequenceThatIsTooLongIsRefused() {
    Sequences batch = Sequences.of(new int[][] {{1}, new int[13]});
    for (SequenceModel model :
        List.of(base.languageModel(), base.classifier(ClassifierHead.FULL, 1, 2))) {
      String message = refusal(model, batch);
      assertTrue(message.contains("at most 12"), message);
      assertTrue(message.contains("13 tokens in sequence 1"), message);
      assertEquals(12, model.contextLength());
      assertEquals(50, model.vocabularySize());
    }
    base.languageModel().forward(Sequences.of(new int[12]), null);
  }

  @Test
  void tokenIdThatIsNotInTheVocabularyIsRefused() {
    for (int id : new int[] {50, -1, Integer.MIN_VALUE}) {
      Sequences batch = Sequences.of(new int[][] {{1}, {2, 3}, {4, 5, id, 6}});
      String message = refusal(base.languageModel(), batch);
      assertTrue(message.contains("0 to 49"), message);
      assertTrue(message.contains(id + " at position 2 of sequence 2"), message);
    }
  }

  private static String refusal(SequenceModel model, Sequences batch) {
    return assertThrows(IllegalArgumentException.class, () -> model.forward(batch, null))
        .getMessage();
  }

  @Test
  void treeIsPrintedUnderThePublishedNames() {
    Module classifier =
        Gpt2.initialize(SIZES, QkvLayout.SPLIT, 1).classifier(ClassifierHead.LORA, 1, 2);
    String tree = classifier.toString();
    for (String part :
        List.of(
            "Gpt2Classifier(",
            "(transformer): Gpt2Backbone(",
            "(wte): Embedding(50, 24)",
            "(0-1): 2 x Block(",
            "(attn): SplitCausalSelfAttention(",
            "heads=3",
            "(query): Linear(in_features=24, out_features=24, bias=True)",
            "(c_fc): Linear(in_features=24, out_features=40, bias=True)",
            "(act): Gelu(",
            "(score): Linear(in_features=24, out_features=2, bias=True)")) {
      assertTrue(tree.contains(part), part + " in\n" + tree);
    }
    assertTrue(base.languageModel().toString().contains("(c_attn): Linear(in_features=24, out_fe"));
  }

  @Test
  void baseSaysWhatItIs() {
    assertTrue(base.toString().contains("2 blocks"), base.toString());
    assertEquals(QkvLayout.FUSED, base.layout());
    assertEquals(SIZES, base.config());
  }
}
