package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Fitting files to a configuration (MX-05, 08, 09, 10, 12, 13, ST-39) and turning their weights.
 */
class Gpt2LoadTest {

  private static final int C = ModelFolder.CHANNELS;

  private final ModelFolder model = new ModelFolder();

  @TempDir private Path folder;

  private Map<String, Parameter> load(QkvLayout layout) throws IOException {
    return Gpt2.load(model.write(folder), layout).languageModel().transformer().namedParameters();
  }

  private MismatchException mismatch(LoadOptions options) throws IOException {
    model.write(folder);
    return assertThrows(MismatchException.class, () -> Gpt2.load(folder, options));
  }

  private static void assertNames(MismatchException e, String code, String... parts) {
    assertEquals(code, e.code(), e.getMessage());
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  /** Row-major (rows, columns) as row-major (columns, rows), element by element. */
  private static float[] transposed(float[] values, int rows, int columns) {
    float[] turned = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      turned[i % columns * rows + i / columns] = values[i];
    }
    return turned;
  }

  private void assertHolds(Map<String, Parameter> parameters, String name) {
    assertArrayEquals(
        model.tensors.get(name).values(), parameters.get(name).tensor().toArray(), name);
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void everyTensorOfTheFileIsInTheModelConv1dTurned(QkvLayout layout) throws IOException {
    Map<String, Parameter> parameters = load(layout);
    for (String name : List.of("wte.weight", "wpe.weight", "h.1.ln_2.bias", "ln_f.weight")) {
      assertHolds(parameters, name);
    }
    assertHolds(parameters, "h.2.mlp.c_fc.bias");
    Parameter cFc = parameters.get("h.2.mlp.c_fc.weight");
    assertArrayEquals(new int[] {4 * C, C}, cFc.shape().toArray());
    assertArrayEquals(
        transposed(model.tensors.get("h.2.mlp.c_fc.weight").values(), C, 4 * C),
        cFc.tensor().toArray());
    assertEquals(layout == QkvLayout.FUSED ? 40 : 40 + 3 * 4, parameters.size());
  }

  @Test
  void splitProjectionsAreTheThirdsOfTheFusedOne() throws IOException {
    Map<String, Parameter> fused = load(QkvLayout.FUSED);
    Map<String, Parameter> split = load(QkvLayout.SPLIT);
    float[] weight = transposed(model.tensors.get("h.1.attn.c_attn.weight").values(), C, 3 * C);
    assertArrayEquals(weight, fused.get("h.1.attn.c_attn.weight").tensor().toArray());
    float[] bias = model.tensors.get("h.1.attn.c_attn.bias").values();
    int part = 0;
    for (String name : List.of("query", "key", "value")) {
      for (int i = 0; i < C * C; i++) {
        assertEquals(
            weight[part * C * C + i],
            split.get("h.1.attn." + name + ".weight").tensor().toArray()[i]);
      }
      for (int i = 0; i < C; i++) {
        assertEquals(
            bias[part * C + i], split.get("h.1.attn." + name + ".bias").tensor().toArray()[i]);
      }
      part++;
    }
    assertFalse(split.containsKey("h.1.attn.c_attn.weight"));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void everyParameterIsFrozen(QkvLayout layout) throws IOException {
    assertTrue(load(layout).values().stream().noneMatch(Parameter::isTrained));
  }

  @Test
  void everyLinearKnowsItsPublishedName() throws IOException {
    Module split = Gpt2.load(model.write(folder), QkvLayout.SPLIT).languageModel();
    assertEquals(new Origin("h.0.attn.c_attn", 0, C), origin(split, "h.0.attn.query"));
    assertEquals(new Origin("h.0.attn.c_attn", C, C), origin(split, "h.0.attn.key"));
    assertEquals(new Origin("h.2.attn.c_attn", 2 * C, C), origin(split, "h.2.attn.value"));
    assertEquals(new Origin("h.1.mlp.c_fc", 0, 4 * C), origin(split, "h.1.mlp.c_fc"));
    Module fused = Gpt2.load(folder).classifier(ClassifierHead.LORA, 1, 2);
    assertEquals(new Origin("h.0.attn.c_attn", 0, 3 * C), origin(fused, "h.0.attn.c_attn"));
    assertEquals(new Origin("h.0.attn.c_proj", 0, C), origin(fused, "h.0.attn.c_proj"));
    assertNull(((Linear) fused.namedModules().get("score")).origin());
  }

  /** Where a weight stands; its digest is another test's. */
  private static Origin origin(Module tree, String path) {
    Origin origin = ((Linear) tree.namedModules().get("transformer." + path)).origin();
    return new Origin(origin.name(), origin.firstRow(), origin.rows());
  }

  @Test
  void prefixOfTheNamesIsNoPartOfThem() throws IOException {
    Map<String, Parameter> plain = load(QkvLayout.FUSED);
    for (String name : List.copyOf(model.tensors.keySet())) {
      model.rename(name, "transformer." + name);
    }
    Map<String, Parameter> prefixed = load(QkvLayout.FUSED);
    plain.forEach(
        (name, parameter) ->
            assertArrayEquals(
                parameter.tensor().toArray(), prefixed.get(name).tensor().toArray(), name));
  }

  @Test
  void masksAreIgnoredEvenWhenStrict() throws IOException {
    model.add("h.0.attn.bias", 1, 1, ModelFolder.CONTEXT, ModelFolder.CONTEXT);
    model.add("h.0.attn.masked_bias");
    Gpt2.load(model.write(folder), LoadOptions.DEFAULT.withStrict(true));
  }

  @Test
  void everyMissingTensorIsCountedAndTheFirstTenAreNamed() throws IOException {
    model.tensors.keySet().removeIf(name -> name.startsWith("h.1."));
    assertNames(
        mismatch(LoadOptions.DEFAULT),
        "MX-09",
        "h.1.ln_1.weight",
        "h.1.mlp.c_fc.bias",
        "12 in all",
        folder.toString());
  }

  @Test
  void oneMissingTensorIsNamed() throws IOException {
    model.tensors.remove("h.2.attn.c_attn.weight");
    assertNames(mismatch(LoadOptions.DEFAULT), "MX-09", ": h.2.attn.c_attn.weight (");
  }

  @Test
  void bothWaysToWriteANameAreAmbiguous() throws IOException {
    model.add("transformer.wte.weight", ModelFolder.VOCABULARY, C);
    assertNames(mismatch(LoadOptions.DEFAULT), "MX-12", "wte.weight and transformer.wte.weight");
  }

  @Test
  void vocabularyOfAnotherSizeIsAMismatch() throws IOException {
    model.add("wte.weight", ModelFolder.VOCABULARY - 1, C);
    assertNames(
        mismatch(LoadOptions.DEFAULT), "MX-08", "wte.weight: expected [11, 4], got [10, 4]");
  }

  @Test
  void everyOtherShapeIsNamed() throws IOException {
    model.add("wpe.weight", 5, C);
    model.add("ln_f.bias", C + 1);
    model.add("h.0.mlp.c_fc.weight", C * C, C, 1);
    assertNames(
        mismatch(LoadOptions.DEFAULT),
        "MX-08",
        "wpe.weight: expected [6, 4], got [5, 4]",
        "ln_f.bias: expected [4], got [5]",
        "h.0.mlp.c_fc.weight: expected [4, 16], got [16, 4, 1]");
  }

  @Test
  void weightsOfLinearInPlaceOfConv1dAreCalledTransposed() throws IOException {
    model.add("h.0.attn.c_attn.weight", 3 * C, C);
    model.add("h.2.mlp.c_proj.weight", C, 4 * C);
    assertNames(
        mismatch(LoadOptions.DEFAULT),
        "MX-10",
        "transposed",
        "h.0.attn.c_attn.weight: expected [4, 12], got [12, 4]",
        "h.2.mlp.c_proj.weight: expected [16, 4], got [4, 16]");
  }

  @Test
  void unexpectedTensorIsIgnoredUnlessStrict() throws IOException {
    model.add("h.0.attn.foo", 2);
    model.add("h.3.ln_1.weight", C);
    assertEquals(40, load(QkvLayout.FUSED).size());
    assertNames(
        mismatch(LoadOptions.DEFAULT.withStrict(true)), "MX-13", "h.0.attn.foo; h.3.ln_1.weight");
  }

  @ParameterizedTest
  @ValueSource(strings = {"lm_head.weight", "transformer.lm_head.weight"})
  void outputWeightsEqualToTheEmbeddingsAreAccepted(String name) throws IOException {
    model.tensors.put(name, model.tensors.get("wte.weight"));
    Gpt2.load(model.write(folder), LoadOptions.DEFAULT.withStrict(true));
  }

  @Test
  void outputWeightsOfTheirOwnAreRefused() throws IOException {
    model.add("lm_head.weight", ModelFolder.VOCABULARY, C);
    assertNames(mismatch(LoadOptions.DEFAULT), "MX-11", "lm_head.weight", "wte.weight");
    model.add("lm_head.weight", 2);
    assertNames(mismatch(LoadOptions.DEFAULT), "MX-11", "lm_head.weight");
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void nonFiniteWeightsAreRefusedUnlessAccepted(float value) throws IOException {
    model.tensors.get("h.1.mlp.c_fc.weight").values()[7] = value;
    model.tensors.get("h.1.mlp.c_fc.weight").values()[9] = value;
    model.write(folder);
    NonFiniteException e = assertThrows(NonFiniteException.class, () -> Gpt2.load(folder));
    assertEquals("ST-39", e.code());
    assertTrue(e.location().contains("h.1.mlp.c_fc.weight"), e.location());
    assertTrue(e.getMessage().contains(folder.toString()), e.getMessage());
    Gpt2 base = Gpt2.load(folder, LoadOptions.DEFAULT.withAcceptNonFinite(true));
    float[] loaded =
        base.languageModel()
            .transformer()
            .namedParameters()
            .get("h.1.mlp.c_fc.weight")
            .tensor()
            .toArray();
    assertEquals(value, loaded[7 * C]);
  }

  @Test
  void folderWithoutWeightsOrConfigurationIsSaidToBeSo() throws IOException {
    NoSuchFileException noConfig = assertThrows(NoSuchFileException.class, () -> Gpt2.load(folder));
    assertTrue(noConfig.getMessage().contains("config.json"), noConfig.getMessage());
    model.write(folder);
    Files.delete(folder.resolve("model.safetensors"));
    assertThrows(NoSuchFileException.class, () -> Gpt2.load(folder));
  }

  @Test
  void pickledWeightsAreNeverLoaded() throws IOException {
    model.write(folder);
    Files.move(folder.resolve("model.safetensors"), folder.resolve("pytorch_model.bin"));
    UnsupportedFeatureException e =
        assertThrows(UnsupportedFeatureException.class, () -> Gpt2.load(folder));
    assertEquals("MX-05", e.code());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 63, 64, 65, 130})
  void transposedPartsStandSideBySide(int rows) {
    int columns = 97;
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    float[] turned = new float[values.length];
    int half = rows / 2;
    float[] upper = Arrays.copyOf(values, half * columns);
    float[] lower = Arrays.copyOfRange(values, half * columns, values.length);
    Transpose.rowsIntoColumns(upper, half, columns, turned, rows, 0);
    Transpose.rowsIntoColumns(lower, rows - half, columns, turned, rows, half);
    assertArrayEquals(transposed(values, rows, columns), turned);
  }
}
