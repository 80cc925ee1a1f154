package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.kernel.BFloat16;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A base whose frozen weights are held as bfloat16, and weights that are read in many pieces. */
class BaseFormatTest {

  /** The largest relative error of rounding to the 8 bits of a bfloat16. */
  private static final double ROUNDING = 0x1p-8;

  private static final Sequences BATCH =
      Sequences.of(new int[][] {{1, 2, 3, 5, 8, 13, 21, 34, 55}, {89, 144}});

  /** Tensors of several pieces, of which the last ones are smaller, and a torn group of rows. */
  private static final Gpt2Config LARGE = new Gpt2Config(1501, 9, 192, 1, 3, 1600, 1e-5f);

  @TempDir private Path folder;

  private static Path tiny() {
    return Fixtures.folder().resolve("gpt2-tiny");
  }

  private static Gpt2 load(Path from, QkvLayout layout, WeightFormat format) throws IOException {
    return Gpt2.load(from, LoadOptions.DEFAULT.withLayout(layout).withFormat(format));
  }

  private static Gpt2 bfloat(Path from) throws IOException {
    return load(from, QkvLayout.FUSED, WeightFormat.BFLOAT16);
  }

  private static Map<String, Parameter> parameters(Gpt2 base) {
    return base.languageModel().namedParameters();
  }

  private static float[] logits(Gpt2 base) {
    return base.languageModel().forward(BATCH, null).toArray();
  }

  /** What is held as bfloat16: the matrices of products, which the positions are not. */
  private static boolean isNarrow(String name, int rank) {
    return rank == 2 && !name.endsWith("wpe.weight");
  }

  private static float[] rounded(float[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      narrow[i] = BFloat16.round(values[i]);
    }
    return narrow;
  }

  /** Writes the model as a float32 file in which every weight of a product is rounded. */
  private static Path rounded(Path model, Path target) throws IOException {
    SafetensorsFolder source = SafetensorsFolder.open(model);
    SafetensorsWriter writer = new SafetensorsWriter();
    for (String name : source.names()) {
      long[] shape = source.tensors().get(name).shape().stream().mapToLong(d -> d).toArray();
      float[] values = source.readFloats(name);
      writer.floats(name, isNarrow(name, shape.length) ? rounded(values) : values, shape);
    }
    Files.createDirectories(target);
    writer.write(target.resolve(SafetensorsFolder.SINGLE));
    Files.copy(model.resolve(Gpt2Config.FILE_NAME), target.resolve(Gpt2Config.FILE_NAME));
    return target;
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void logitsAreThoseOfAFileRoundedBeforehandBitForBit(QkvLayout layout) throws IOException {
    Path rounded = rounded(tiny(), folder.resolve("rounded"));
    float[] expected = logits(load(rounded, layout, WeightFormat.FLOAT32));
    assertArrayEquals(expected, logits(load(tiny(), layout, WeightFormat.BFLOAT16)));
    assertArrayEquals(expected, logits(load(rounded, layout, WeightFormat.BFLOAT16)));
  }

  @Test
  @Tag("parity")
  void shardsOfBfloatsLoseNothing() throws IOException {
    Path shards = Fixtures.folder().resolve("gpt2-tiny-sharded-bf16");
    for (QkvLayout layout : QkvLayout.values()) {
      assertArrayEquals(
          logits(load(shards, layout, WeightFormat.FLOAT32)),
          logits(load(shards, layout, WeightFormat.BFLOAT16)));
    }
  }

  /** Each output of a Linear errs by at most the rounding of its weights, whatever their signs. */
  @Test
  void everyOutputOfALinearIsWithinTheRoundingOfItsWeights() throws IOException {
    Linear exact = fullyConnected(load(tiny(), QkvLayout.FUSED, WeightFormat.FLOAT32));
    Linear narrow = fullyConnected(bfloat(tiny()));
    int in = exact.inFeatures();
    int out = exact.outFeatures();
    Tensor x = Tensor.zeros(7, in);
    CounterRandom.fillGaussian(5, 1, x.data());
    float[] weight = exact.weight().tensor().toArray();
    float[] expected = exact.forward(x).toArray();
    float[] got = narrow.forward(x).toArray();
    for (int i = 0; i < got.length; i++) {
      double magnitude = 0;
      for (int k = 0; k < in; k++) {
        magnitude += Math.abs(weight[i % out * in + k] * x.data()[i / out * in + k]);
      }
      double arithmetic = 2 * (in + 1) * 0x1p-24; // of two sums in float32
      double bound = (ROUNDING + arithmetic) * magnitude + 0x1p-22 * Math.abs(expected[i]);
      assertTrue(Math.abs((double) got[i] - expected[i]) <= bound, "output " + i);
    }
  }

  private static Linear fullyConnected(Gpt2 base) {
    return (Linear) base.languageModel().namedModules().get("transformer.h.1.mlp.c_fc");
  }

  /**
   * From a token to its logits lie the embedding, four products in each block and the tied output.
   * To first order each adds at most the rounding, relative to what passes through it, by Euclidean
   * norms; since the roundings are not all of one sign, the sum stays far below the bound.
   */
  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void logitsErrByAtMostARoundingForEachWeightOnTheWay(QkvLayout layout) throws IOException {
    Gpt2 base = load(tiny(), layout, WeightFormat.FLOAT32);
    float[] exact = logits(base);
    float[] narrow = logits(load(tiny(), layout, WeightFormat.BFLOAT16));
    double error = 0;
    double norm = 0;
    for (int i = 0; i < exact.length; i++) {
      error += Math.pow(narrow[i] - exact[i], 2);
      norm += Math.pow(exact[i], 2);
    }
    double relative = Math.sqrt(error / norm);
    assertTrue(relative > 0);
    assertTrue(relative <= (2 + 4 * base.config().nLayer()) * ROUNDING, () -> "" + relative);
    assertTrue(relative <= 2 * ROUNDING, () -> "the usual error, not the bound: " + relative);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void weightsOfManyPiecesAreReadAndSavedInFull(QkvLayout layout) throws IOException {
    Gpt2 written = Gpt2.initialize(LARGE, layout, 3);
    written.save(folder, DType.F32);
    Map<String, Parameter> exact = parameters(load(folder, layout, WeightFormat.FLOAT32));
    Map<String, Parameter> narrow = parameters(load(folder, layout, WeightFormat.BFLOAT16));
    parameters(written)
        .forEach(
            (name, parameter) -> {
              float[] values = parameter.data();
              assertArrayEquals(values, exact.get(name).tensor().toArray(), name);
              boolean isNarrow = isNarrow(name, parameter.shape().rank());
              assertArrayEquals(
                  isNarrow ? rounded(values) : values, narrow.get(name).tensor().toArray(), name);
            });
    Path again = folder.resolve("again");
    load(folder, layout, WeightFormat.BFLOAT16).save(again, DType.F32);
    Map<String, Parameter> reread = parameters(load(again, layout, WeightFormat.FLOAT32));
    narrow.forEach(
        (name, parameter) ->
            assertArrayEquals(
                parameter.tensor().toArray(), reread.get(name).tensor().toArray(), name));
  }

  @ParameterizedTest
  @EnumSource(WeightFormat.class)
  void damagedNumbersOfManyPiecesAreCountedTogether(WeightFormat format) throws IOException {
    for (String name : new String[] {"wte.weight", "h.0.mlp.c_fc.weight"}) {
      damage(name, values -> values[values.length - 1] = values[70_000] = values[9] = Float.NaN);
      NonFiniteException e =
          assertThrows(NonFiniteException.class, () -> load(folder, QkvLayout.SPLIT, format), name);
      assertEquals("ST-39", e.code());
      assertEquals("tensor " + name, e.location());
      assertTrue(e.getMessage().contains("got 3 of "), e.getMessage());
      assertTrue(e.getMessage().contains("index 9 "), e.getMessage());
    }
  }

  private interface Change {
    void apply(float[] values);
  }

  /** Writes the large model with some numbers of a tensor changed. */
  private void damage(String changed, Change change) throws IOException {
    Path whole = folder.resolve("whole");
    Gpt2.initialize(LARGE, QkvLayout.FUSED, 3).save(whole, DType.F32);
    SafetensorsFolder source = SafetensorsFolder.open(whole);
    SafetensorsWriter writer = new SafetensorsWriter().allowNonFinite();
    for (String name : source.names()) {
      float[] values = source.readFloats(name);
      if (name.equals(changed)) {
        change.apply(values);
      }
      long[] shape = source.tensors().get(name).shape().stream().mapToLong(d -> d).toArray();
      writer.floats(name, values, shape);
      if (name.equals("wte.weight")) {
        writer.floats("lm_head.weight", source.readFloats(name), shape);
      }
    }
    writer.write(folder.resolve(SafetensorsFolder.SINGLE));
    Files.writeString(
        folder.resolve(Gpt2Config.FILE_NAME), Files.readString(whole.resolve("config.json")));
  }

  @ParameterizedTest
  @EnumSource(WeightFormat.class)
  void outputWeightsAreComparedWithTheFileToTheLastNumber(WeightFormat format) throws IOException {
    damage("", values -> {});
    load(folder, QkvLayout.FUSED, format);
    for (int place : new int[] {0, 280_000, 1501 * 192 - 1}) {
      damage("wte.weight", values -> values[place] += 1e-4f * Math.abs(values[place]));
      MismatchException e =
          assertThrows(MismatchException.class, () -> load(folder, QkvLayout.FUSED, format));
      assertEquals("MX-11", e.code());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"wte.weight", "h.1.mlp.c_fc.weight"})
  void numbersBeyondBfloatAreRefusedAndTheRemedyHelps(String name) throws IOException {
    ModelFolder model = new ModelFolder();
    model.tensors.get(name).values()[5] = -0x1.ffp127f;
    model.write(folder);
    NonFiniteException e = assertThrows(NonFiniteException.class, () -> bfloat(folder));
    assertEquals("MX-16", e.code());
    assertEquals("tensor " + name, e.location());
    for (String part : new String[] {"bfloat16", "-3.3961", "index 5 ", "float32"}) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    Gpt2.load(folder);
    model.tensors.get(name).values()[5] = Math.nextDown(0x1.ffp127f);
    bfloat(model.write(folder));
  }

  @Test
  void numbersThatAreNotFiniteCanBeAcceptedInAnyFormat() throws IOException {
    ModelFolder model = new ModelFolder();
    model.tensors.get("wte.weight").values()[5] = Float.NEGATIVE_INFINITY;
    model.tensors.get("wte.weight").values()[6] = Float.NaN;
    LoadOptions options =
        LoadOptions.DEFAULT.withFormat(WeightFormat.BFLOAT16).withAcceptNonFinite(true);
    Gpt2 base = Gpt2.load(model.write(folder), options);
    float[] values = parameters(base).get("transformer.wte.weight").tensor().toArray();
    assertEquals(Float.NEGATIVE_INFINITY, values[5]);
    assertTrue(Float.isNaN(values[6]));
  }

  @ParameterizedTest
  @EnumSource(WeightFormat.class)
  void loadedBaseCanBeTrainedFromTheValuesItHolds(WeightFormat format) throws IOException {
    Gpt2 base = load(tiny(), QkvLayout.FUSED, format);
    Gpt2LanguageModel model = base.languageModel();
    float[] before = model.namedParameters().get("transformer.wte.weight").tensor().toArray();
    float[] logits = logits(base);
    model.unfreeze();
    Parameter embeddings = model.namedParameters().get("transformer.wte.weight");
    assertArrayEquals(before, embeddings.data());
    assertArrayEquals(logits, logits(base), 1e-4f);
    int[] targets = new int[BATCH.tokenIds().length];
    model.forward(BATCH, new Tape()).crossEntropy(targets, -100).backward();
    model.namedParameters().forEach((name, parameter) -> assertNotNull(parameter.grad(), name));
  }
}
