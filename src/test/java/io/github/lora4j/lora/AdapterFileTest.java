package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.lora.SmallModels.Classifier;
import io.github.lora4j.lora.SmallModels.Mlp;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterFileTest {

  private static final Tensor X = SmallModels.random(7, 6, 4);
  private static final AdapterMetadata METADATA = AdapterMetadata.of(TaskType.SEQ_CLS);

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aReloadedModelEqualsTheSavedOneBitForBit(boolean split) throws IOException {
    Classifier saved = trained(split, Targets.all());
    AdapterFile.save(saved, METADATA, folder);

    Classifier loaded = new Classifier(2, split, 99);
    loaded.freeze();
    loaded.forward(X); // a weight that was used is kept in a packed form, too
    AdapterFile.load(loaded, folder);

    assertArrayEquals(saved.forward(X).data(), loaded.forward(X).data());
    assertEquals(saved.toString(), loaded.toString());
    assertEqualParameters(saved, loaded);
    assertEquals(saved.trainedParameters().keySet(), loaded.trainedParameters().keySet());
  }

  private static Classifier trained(boolean split, Targets targets) {
    Classifier model = new Classifier(2, split, 5);
    model.freeze();
    Lora.apply(model, LoraConfig.of(2, 3f).withDropout(0.1f).withTargets(targets));
    SmallModels.randomizeB(model, 1);
    return model;
  }

  private static void assertEqualParameters(Module expected, Module actual) {
    Map<String, Parameter> wanted = expected.namedParameters();
    Map<String, Parameter> got = actual.namedParameters();
    assertEquals(wanted.keySet(), got.keySet());
    wanted.forEach((name, p) -> assertArrayEquals(p.data(), got.get(name).data(), name));
  }

  @Test
  void tenRoundTripsChangeNoByteAndNoRank() throws IOException {
    AdapterFile.save(trained(true, Targets.all()), METADATA, folder);
    Map<String, String> first = contents(folder);
    for (int i = 0; i < 10; i++) {
      Classifier model = new Classifier(2, true, i);
      model.freeze();
      AdapterFile.load(model, folder);
      AdapterFile.save(model, METADATA, folder);
      assertEquals(first, contents(folder));
    }
  }

  /** Every file of a folder, its bytes as Latin-1. */
  static Map<String, String> contents(Path folder) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        contents.put(
            file.getFileName().toString(),
            Files.isDirectory(file) ? "" : Files.readString(file, StandardCharsets.ISO_8859_1));
      }
    }
    return contents;
  }

  @Test
  void loadingIntoAnAdaptedModelKeepsItsParameters() throws IOException {
    Classifier saved = trained(false, Targets.all());
    AdapterFile.save(saved, METADATA, folder);
    Classifier model = new Classifier(2, false, 5);
    model.freeze();
    AdapterFile.load(model, folder);
    Map<String, Parameter> once = model.namedParameters();
    SmallModels.randomizeB(model, 2);
    AdapterFile.load(model, folder);
    once.forEach((name, parameter) -> assertSame(parameter, model.namedParameters().get(name)));
    assertArrayEquals(saved.forward(X).data(), model.forward(X).data());
  }

  @Test
  void loadingReplacesBranchesOfAnotherRank() throws IOException {
    Classifier saved = trained(false, Targets.all());
    AdapterFile.save(saved, METADATA, folder);
    Classifier model = new Classifier(2, false, 5);
    model.freeze();
    Lora.replaceLinearWithLora(model, 7, 1f);
    AdapterFile.load(model, folder);
    assertEqualParameters(saved, model);
  }

  @Test
  void aFrozenHeadWithoutBranchIsRestoredAndStaysFrozen() throws IOException {
    Classifier saved = trained(false, Targets.named("c_attn"));
    AdapterFile.save(saved, METADATA, folder);
    Classifier model = new Classifier(2, false, 99);
    model.freeze();
    AdapterFile.load(model, folder);
    assertEqualParameters(saved, model);
    assertFalse(model.namedParameters().get("score.weight").isTrained());
  }

  @Test
  void whatWasTrainedBesidesIsRestoredAndTrainedAgain() throws IOException {
    Classifier saved = trained(true, Targets.named("c_attn"));
    for (String name : List.of("score.weight", "transformer.h.0.attn.c_proj.bias")) {
      saved.namedParameters().get(name).setTrained(true);
      saved.namedParameters().get(name).data()[0] += 1;
    }
    AdapterFile.save(saved, METADATA, folder);
    Classifier model = new Classifier(2, true, 99);
    model.freeze();
    AdapterFile.load(model, folder);
    assertEqualParameters(saved, model);
    assertEquals(saved.trainedParameters().keySet(), model.trainedParameters().keySet());
  }

  @Test
  void aModelOfTheUsersOwnIsSavedWholeAndWithoutPeftFiles() throws IOException {
    AdapterFile.save(trained(true, Targets.all()), METADATA, folder);
    Mlp saved = new Mlp();
    Lora.replaceLinearWithLora(saved, 2, 2f);
    SmallModels.randomizeB(saved, 1);
    AdapterFile.save(saved, METADATA, folder);
    assertEquals(
        List.of("lora4j.json", "lora4j.safetensors"), List.copyOf(contents(folder).keySet()));
    Mlp model = new Mlp();
    model.namedParameters().values().forEach(p -> Arrays.fill(p.data(), 0));
    AdapterFile.load(model, folder);
    assertEqualParameters(saved, model);
  }

  @Test
  void whatTheCallerSavesComesBack() throws IOException {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("qkv", "split");
    facts.put("padding", "longest");
    facts.put("a \"quoted\" \u2028 name", "\u0000\ud83d\ude00");
    AdapterMetadata metadata =
        new AdapterMetadata(
            TaskType.SEQ_CLS, "openai-community/gpt2", List.of("ham", "späm"), facts);
    AdapterFile.save(trained(true, Targets.all()), metadata, folder);
    assertEquals(metadata, AdapterFile.metadata(folder));
    assertEquals(metadata, AdapterFile.load(new Classifier(2, true, 0), folder));
    assertEquals("padding", AdapterFile.metadata(folder).facts().keySet().toArray()[1]);
  }

  @Test
  void theOtherLayoutIsAMismatchThatSaysSo() throws IOException {
    AdapterFile.save(trained(true, Targets.all()), METADATA, folder);
    MismatchException e = refused(new Classifier(2, false, 5));
    assertTrue(
        e.getMessage()
            .contains(
                "transformer.h.1.attn.value: no such Linear in the model, where that weight is in"
                    + " transformer.h.1.attn.c_attn (load the base in the adapter's layout"),
        e.getMessage());
    assertEquals("AD-06", e.code());
  }

  @Test
  void allThatDoesNotFitIsListedAndNothingIsChanged() throws IOException {
    Classifier saved = trained(true, Targets.all());
    saved.namedParameters().get("transformer.h.0.attn.c_proj.linear.bias").setTrained(true);
    AdapterFile.save(saved, METADATA, folder);
    Classifier model = new Classifier(1, true, 99);
    model.freeze();
    String before = model.toString();
    String message = refused(model).getMessage();
    for (String part : List.of("query", "key", "value", "c_proj")) {
      assertTrue(message.contains("transformer.h.1.attn." + part + ": no such Linear"), message);
    }
    assertFalse(message.contains("h.0"), message);
    assertEquals(before, model.toString());
    assertEqualParameters(new Classifier(1, true, 99), model);
  }

  @Test
  void ofManyFaultsTheFirstAreListedAndTheOthersCounted() throws IOException {
    Classifier saved = new Classifier(30, true, 5);
    Lora.replaceLinearWithLora(saved, 1, 1f);
    AdapterFile.save(saved, METADATA, folder);
    // Four Linear in each of the 29 blocks that are missing.
    String message = refused(new Classifier(1, true, 5)).getMessage();
    assertTrue(message.contains("with 116 differences:"), message);
    assertTrue(message.contains("and 92 more like this [AD-06]"), message);
    assertEquals(24, message.split(": no such Linear in the model", -1).length - 1, message);
  }

  @Test
  void aBranchThatTheFileLacksIsAMismatch() throws IOException {
    AdapterFile.save(trained(false, Targets.named("c_attn")), METADATA, folder);
    Classifier model = new Classifier(2, false, 5);
    Lora.apply(model, LoraConfig.of(2, 2f).withTargets(Targets.named("c_proj").inLayers(0)));
    String message = refused(model).getMessage();
    assertTrue(message.contains("c_proj: adapted in the model, not in the adapter"), message);
    assertTrue(message.contains("with 1 difference:"), message);
  }

  @Test
  void aHeadOfAnotherSizeIsAMismatch() throws IOException {
    SmallModels.Body body = new SmallModels.Body(2, false);
    Lora.replaceLinearWithLora(body, 2, 2f);
    AdapterFile.save(body, METADATA, folder);
    String message = refused(new Classifier(2, false, 0)).getMessage();
    assertTrue(message.contains("score.weight: in the model, missing in the file"), message);
  }

  private MismatchException refused(Module model) {
    return assertThrows(MismatchException.class, () -> AdapterFile.load(model, folder));
  }

  @Test
  void nothingToSaveIsAnError() {
    Module model = new SmallModels.Body(1, false).freeze();
    assertThrows(IllegalArgumentException.class, () -> AdapterFile.save(model, METADATA, folder));
  }

  @Test
  void aDivergedModelIsNotSaved() throws IOException {
    Classifier model = trained(false, Targets.all());
    AdapterFile.save(model, METADATA, folder);
    Map<String, String> before = contents(folder);
    model.namedParameters().get("score.lora.B").data()[1] = Float.NaN;
    NonFiniteException e =
        assertThrows(NonFiniteException.class, () -> AdapterFile.save(model, METADATA, folder));
    assertTrue(e.getMessage().contains("1 of 4"), e.getMessage());
    assertEquals("score.lora.B", e.location());
    assertEquals(before, contents(folder));
  }

  @Test
  void peftsFilesMayBeMissing() throws IOException {
    Classifier saved = trained(true, Targets.all());
    AdapterFile.save(saved, METADATA, folder);
    Files.delete(folder.resolve("adapter_config.json"));
    Files.delete(folder.resolve("adapter_model.safetensors"));
    Classifier model = new Classifier(2, true, 0);
    AdapterFile.load(model, folder);
    assertArrayEquals(saved.forward(X).data(), model.forward(X).data());
  }
}
