package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.LoraException;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.lora.DamagedAdapter.Stored;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsFormatException;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The rows AD-01 to AD-20 of what may be wrong with PEFT's files, each through {@link
 * AdapterFile#load}: what is thrown, what it says, and that the model is as it was, bit for bit.
 */
class PeftRowsTest {

  private static final String H = "base_model.model.transformer.h.";
  private static final String A = H + "1.attn.c_attn.lora_A.weight";
  private static final String B = H + "1.attn.c_attn.lora_B.weight";
  private static final String C_FC = "transformer.h.2.mlp.c_fc";

  @TempDir private Path temp;
  private DamagedAdapter adapter;
  private Module model;

  @BeforeEach
  void copyAnAdapterOfAllProjectionsToQueryKeyAndValue() throws IOException {
    adapter = DamagedAdapter.copyOf("default-c_attn", temp.resolve("adapter"));
    model = languageModel();
  }

  private static SequenceModel languageModel() throws IOException {
    SequenceModel model = base().languageModel();
    model.freeze();
    return model;
  }

  private static Gpt2 base() throws IOException {
    return Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), QkvLayout.FUSED);
  }

  /** Loading is refused with this type, code and words, and changes nothing in the model. */
  private <E extends Exception & LoraException> String refused(
      Class<E> type, String code, String... named) {
    return refusedWhen(Strictness.NORMAL, type, code, named);
  }

  private <E extends Exception & LoraException> String refusedWhen(
      Strictness strictness, Class<E> type, String code, String... named) {
    ModelState before = ModelState.of(model);
    E e = assertThrows(type, () -> AdapterFile.load(model, adapter.folder(), strictness));
    assertEquals(type, e.getClass());
    assertEquals(code, e.code(), e.getMessage());
    for (String word : named) {
      assertTrue(e.getMessage().contains(word), word + " in " + e.getMessage());
    }
    assertEquals(before, ModelState.of(model));
    return e.getMessage();
  }

  /** What is wrong without a model is said without one, too. */
  private <E extends Exception & LoraException> String refusedEverywhere(
      Class<E> type, String code, String... named) {
    String message = refused(type, code, named);
    Exception e = assertThrows(type, () -> AdapterFile.metadata(adapter.folder()));
    assertEquals(message, e.getMessage());
    return message;
  }

  /** Loading gives what the adapter gives that nothing was changed in. */
  private void loadsAsBefore() throws IOException {
    loadsAsBefore(Strictness.NORMAL);
  }

  private void loadsAsBefore(Strictness strictness) throws IOException {
    SequenceModel expected = languageModel();
    ModelState base = ModelState.of(expected);
    AdapterFile.load(expected, Fixtures.folder().resolve("adapters/default-c_attn"));
    AdapterFile.load(model, adapter.folder(), strictness);
    assertEquals(ModelState.of(expected), ModelState.of(model));
    assertNotEquals(base, ModelState.of(model));
  }

  @Test
  void withoutDamageItIsLoaded() throws IOException {
    adapter.set("r", "4").put(A, adapter.tensor(A));
    loadsAsBefore();
  }

  // --- AD-01: no configuration, or no object -----------------------------------------------------

  @Test
  void ad01AMissingConfiguration() throws IOException {
    Files.delete(adapter.config());
    refusedEverywhere(AdapterFormatException.class, "AD-01", adapter.config() + ": ", "no such");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "LORA", "[\"LORA\"]", "{\"r\": 4"})
  void ad01AConfigurationThatIsNoObject(String text) throws IOException {
    Files.writeString(adapter.config(), text);
    refusedEverywhere(AdapterFormatException.class, "AD-01", adapter.config() + ": ", "JSON");
  }

  @Test
  void ad01AFolderWithoutAnAdapter() throws IOException {
    Files.delete(adapter.config());
    Files.delete(adapter.tensors());
    refusedEverywhere(
        AdapterFormatException.class,
        "AD-01",
        adapter.folder() + ": ",
        "without lora4j.json and adapter_model.safetensors");
  }

  @Test
  void ad01AConfigurationWithoutTensors() throws IOException {
    Files.delete(adapter.tensors());
    refusedEverywhere(
        AdapterFormatException.class,
        "AD-01",
        adapter.folder() + ": ",
        "adapter_model.safetensors");
  }

  @Test
  void ad01AFileOrNothingWhereTheFolderShouldBe() {
    for (Path file : List.of(adapter.config(), adapter.tensors())) {
      ModelState before = ModelState.of(model);
      FileSystemException e =
          assertThrows(FileSystemException.class, () -> AdapterFile.load(model, file));
      assertEquals(file.toString(), e.getFile());
      assertTrue(e.getMessage().contains("the folder of an adapter expected, got a file (name"));
      assertEquals(
          e.getMessage(),
          assertThrows(FileSystemException.class, () -> AdapterFile.metadata(file)).getMessage());
      assertEquals(before, ModelState.of(model));
    }
    Path none = temp.resolve("none");
    NoSuchFileException e =
        assertThrows(NoSuchFileException.class, () -> AdapterFile.load(model, none));
    assertTrue(e.getMessage().startsWith(none + ": the folder of an adapter"), e.getMessage());
  }

  // --- AD-02: another method ---------------------------------------------------------------------

  @Test
  void ad02AnotherMethod() throws IOException {
    adapter.set("peft_type", "\"IA3\"");
    refusedEverywhere(UnsupportedFeatureException.class, "AD-02", "\"LORA\" expected, got \"IA3\"");
    adapter.unset("peft_type");
    refusedEverywhere(UnsupportedFeatureException.class, "AD-02", "got none", "/peft_type");
  }

  // --- AD-03: a bad rank -------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"0", "-4", "2147483648", "\"8\"", "1.5"})
  void ad03ABadRank(String literal) throws IOException {
    adapter.set("r", literal);
    refusedEverywhere(AdapterFormatException.class, "AD-03", "[/r, AD-03]", "got " + literal + " ");
  }

  @Test
  void ad03NoRank() throws IOException {
    adapter.unset("r");
    refusedEverywhere(AdapterFormatException.class, "AD-03", "[/r, AD-03]", "got none");
  }

  // --- AD-04: another rank than that of the configuration ----------------------------------------

  @Test
  void ad04AnotherRankInTheTensors() throws IOException {
    adapter.set("r", "8");
    String message = refused(MismatchException.class, "AD-04", "with 3 differences:");
    for (int block = 0; block < 3; block++) {
      String line =
          "h.%d.attn.c_attn.lora_A.weight: 8 rows expected, the rank that the configuration says,"
              + " got 4";
      assertTrue(message.contains(line.formatted(block)), message);
    }
    adapter.set("r", "4").put(B, Stored.filled(1, 144, 3));
    refusedEverywhere(MismatchException.class, "AD-04", B, "(out, 4)", "got (144, 3)");
  }

  // --- AD-05: half a branch ----------------------------------------------------------------------

  @Test
  void ad05HalfABranch() throws IOException {
    adapter.remove(B);
    refusedEverywhere(AdapterFormatException.class, "AD-05", "missing " + B);
  }

  // --- AD-06: targets that the model does not have -----------------------------------------------

  @Test
  void ad06TargetsThatSelectNothing() throws IOException {
    String examples = "h.0.attn.c_attn, h.0.attn.c_proj, h.0.mlp.c_fc and 9 more";
    adapter.set("target_modules", "[\"q_proj\", \"v_proj\"]");
    refused(
        MismatchException.class,
        "AD-06",
        "target_modules: [q_proj, v_proj] selects no Linear of the model; it has " + examples);
    adapter.set("target_modules", "\".*\\\\.q_(proj|lin)\"");
    refused(
        MismatchException.class,
        "AD-06",
        "target_modules: .*\\.q_(proj|lin) selects no Linear of the model; it has " + examples);
  }

  @Test
  void ad06ATargetWithATypingErrorBesideAGoodOne() throws IOException {
    adapter.set("target_modules", "[\"c_attn\", \"c_fcc\"]");
    refused(MismatchException.class, "AD-06", "no Linear is named 'c_fcc'; nearest h.0.mlp.c_fc,");
  }

  @Test
  void ad06AHeadOutsideOfAnySlot() throws IOException {
    Module body = model;
    model =
        new Module() {
          {
            body.children().forEach(this::child);
            child("score", new Linear(48, 3, false, 1));
          }
        };
    adapter.set("modules_to_save", "[\"score\"]");
    adapter.put("base_model.model.score.weight", Stored.filled(1, 3, 48));
    refused(MismatchException.class, "AD-06", "score: a Linear in a slot expected, this one is");
  }

  // --- AD-07: expressions that take long ---------------------------------------------------------

  @Test
  void ad07AnExpressionOf100Kilobytes() throws IOException {
    adapter.set("target_modules", "\"" + "(.*)*".repeat(20_000) + "$\"");
    String message =
        refusedEverywhere(
            LimitExceededException.class, "AD-07", "1000 characters expected", "got 100001");
    assertTrue(message.length() < 600, message);
  }

  @Test
  void ad07AnExpressionThatBacktracksIsMatchedLikeAnyOther() throws IOException {
    adapter.set("target_modules", "\"" + "(.*)*".repeat(50) + "$\"");
    // It selects all twelve modules, and the file has branches beside three of them.
    refused(MismatchException.class, "AD-09", "with 18 differences:");
  }

  @Test
  void ad07AnExpressionThatIsNotUnderstood() throws IOException {
    adapter.set("target_modules", "\"" + "(.*)*$".repeat(50) + "\"");
    refusedEverywhere(
        UnsupportedFeatureException.class, "AD-07", "no '$' here expected, got '(.*)*$(.*)*$");
  }

  // --- AD-08: names with which nothing would be loaded -------------------------------------------

  @Test
  void ad08NamesOfAnotherAdapter() throws IOException {
    adapter.rename(name -> name.replace(".weight", ".adapter2.weight"));
    String message =
        refused(
            MismatchException.class,
            "AD-08",
            "names such as " + expectedNames() + " expected, got ",
            H + "0.attn.c_attn.lora_A.adapter2.weight, ",
            H + "0.attn.c_attn.lora_B.adapter2.weight, ",
            H + "1.attn.c_attn.lora_A.adapter2.weight and 3 more");
    assertTrue(message.contains("with 1 difference:"), message);
  }

  @Test
  void ad08NamesWithAnotherPrefix() throws IOException {
    adapter.rename(name -> name.replace(H, "base_model.model.model.layers."));
    String message =
        refused(
            MismatchException.class,
            "AD-08",
            "names such as " + expectedNames() + " expected, got ",
            "base_model.model.model.layers.0.attn.c_attn.lora_A.weight, ",
            " and 3 more");
    assertTrue(message.contains("with 1 difference:"), message);
  }

  private static String expectedNames() {
    return Stream.of(0, 1, 2)
        .map(block -> H + block + ".attn.c_attn.lora_A.weight")
        .reduce((a, b) -> a + ", " + b)
        .orElseThrow();
  }

  @Test
  void ad08OneNameThatIsNotUnderstoodAmongGoodOnes() throws IOException {
    adapter.put(H + "0.attn.c_attn.lora_C.weight", Stored.filled(1, 2, 2));
    refused(MismatchException.class, "AD-08", "got " + H + "0.attn.c_attn.lora_C.weight");
  }

  // --- AD-09: what PEFT would only warn of -------------------------------------------------------

  @Test
  void ad09BranchesThatAreMissing() throws IOException {
    adapter.remove(A).remove(B);
    refused(
        MismatchException.class,
        "AD-09",
        "with 2 differences:",
        "h.1.attn.c_attn.lora_A.weight: missing in the file",
        "h.1.attn.c_attn.lora_B.weight: missing in the file");
  }

  @Test
  void ad09AModuleToSaveThatIsMissing() throws IOException {
    adapter.set("modules_to_save", "[\"h.1.mlp.c_proj\", \"c_fc\", \"classifier\"]");
    String message = refused(MismatchException.class, "AD-09", "with 4 differences:");
    for (String name : List.of("h.1.mlp.c_proj", "h.0.mlp.c_fc", "h.1.mlp.c_fc", "h.2.mlp.c_fc")) {
      assertTrue(message.contains(name + ".weight: missing in the file"), message);
    }
  }

  @Test
  void ad09AHeadThatIsMissing() throws IOException {
    model = base().classifier(ClassifierHead.FULL, 3, 3);
    refused(MismatchException.class, "AD-09", "score.weight: missing in the file");
  }

  @Test
  void ad09BranchesOfAnotherAdapterInTheModel() throws IOException {
    Lora.apply(model, LoraConfig.of(2, 4).withTargets(Targets.named("c_attn", "mlp.c_fc")));
    String message = refused(MismatchException.class, "AD-09", "with 3 differences:");
    for (int block = 0; block < 3; block++) {
      String path = "transformer.h." + block + ".mlp.c_fc";
      assertTrue(message.contains(path + ": adapted in the model, not in the adapter"), message);
    }
  }

  @Test
  void ad09BranchesOfAnotherAdapterInTheSamePlacesAreReplaced() throws IOException {
    Lora.apply(model, LoraConfig.of(2, 4).withTargets(Targets.named("c_attn")));
    loadsAsBefore();
  }

  @Test
  void ad09ABiasWithWhichAnotherBranchWouldGo() throws IOException {
    Lora.apply(model, LoraConfig.of(2, 4).withTargets(Targets.named("c_fc").inLayers(2)));
    adapter.put(H + "2.mlp.c_fc.bias", Stored.filled(1, 192)).set("bias", "\"all\"");
    refused(MismatchException.class, "AD-09", C_FC + ": adapted in the model, not in the adapter");
  }

  // --- AD-10: more than the configuration says ---------------------------------------------------

  @Test
  void ad10BranchesBeyondTheConfiguration() throws IOException {
    adapter.put(H + "0.mlp.c_fc.lora_A.weight", Stored.filled(1, 4, 48));
    adapter.put(H + "0.mlp.c_fc.lora_B.weight", Stored.filled(1, 192, 4));
    refused(MismatchException.class, "AD-10", "h.0.mlp.c_fc: a branch where the configuration");
  }

  @Test
  void ad10BranchesBeyondTheModel() throws IOException {
    adapter.put(H + "7.attn.c_attn.lora_A.weight", Stored.filled(1, 4, 48));
    adapter.put(H + "7.attn.c_attn.lora_B.weight", Stored.filled(1, 144, 4));
    refused(
        MismatchException.class,
        "AD-10",
        "with 1 difference:",
        "the model has no Linear 'h.7.attn.c_attn'; nearest h.0.attn.c_attn, h.1.attn.c_attn");
  }

  @Test
  void ad10ABiasThatTheConfigurationDoesNotSpeakOf() throws IOException {
    for (String module : List.of("0.attn.c_attn", "2.mlp.c_fc")) {
      Stored bias = Stored.filled(1, module.endsWith("c_fc") ? 192 : 144);
      adapter.put(H + module + ".base_layer.bias", bias);
    }
    refused(
        MismatchException.class,
        "AD-10",
        "with 2 differences:",
        "h.0.attn.c_attn.base_layer.bias: bias is \"none\"",
        "h.2.mlp.c_fc.base_layer.bias: bias is \"none\"");
  }

  /** Tensors of which PEFT itself loads nothing. */
  private void putUnexpectedTensors() throws IOException {
    adapter.put(H + "0.mlp.c_fc.lora_A.weight", Stored.filled(1, 4, 48));
    adapter.put(H + "0.mlp.c_fc.lora_B.weight", Stored.filled(1, 192, 4));
    adapter.put(H + "7.attn.c_attn.lora_A.weight", Stored.filled(1, 4, 48));
    adapter.put(H + "7.attn.c_attn.lora_B.weight", Stored.filled(1, 144, 4));
    adapter.put("base_model.model.score.weight", Stored.filled(1, 3, 48));
    adapter.put(H + "0.attn.c_attn.lora_C.weight", Stored.filled(1, 2, 2));
  }

  @Test
  void ad10WhatIsUnexpectedIsNamedAndLeftOutIfThatIsAskedFor() throws IOException {
    putUnexpectedTensors();
    refused(MismatchException.class, "AD-08", "with 4 differences:");
    refusedWhen(Strictness.STRICT, MismatchException.class, "AD-08", "with 4 differences:");
    List<String> warnings = Warnings.during(() -> loadsAsBefore(Strictness.LENIENT));
    assertEquals(1, warnings.size(), warnings.toString());
    String warning = warnings.get(0);
    assertTrue(warning.startsWith(adapter.tensors() + ": "), warning);
    assertTrue(warning.contains("got 6 others, which are left out: "), warning);
    for (String name :
        List.of(
            H + "0.mlp.c_fc.lora_A.weight",
            H + "0.mlp.c_fc.lora_B.weight",
            H + "7.attn.c_attn.lora_A.weight",
            H + "7.attn.c_attn.lora_B.weight",
            "base_model.model.score.weight",
            H + "0.attn.c_attn.lora_C.weight")) {
      assertTrue(warning.contains(name), name + " in " + warning);
    }
    assertFalse(warning.contains(A), warning);
  }

  @Test
  void ad10ABiasIsLoadedWhereTheBranchBesideItIsLeftOut() throws IOException {
    adapter.set("bias", "\"all\"");
    for (int block = 0; block < 3; block++) {
      adapter.put(H + block + ".attn.c_attn.base_layer.bias", Stored.filled(block, 144));
    }
    adapter.put(H + "0.mlp.c_fc.bias", Stored.filled(0.5f, 192));
    SequenceModel expected = languageModel();
    AdapterFile.load(expected, adapter.folder());
    adapter.put(H + "0.mlp.c_fc.lora_A.weight", Stored.filled(1, 4, 48));
    adapter.put(H + "0.mlp.c_fc.lora_B.weight", Stored.filled(1, 192, 4));
    List<String> warnings =
        Warnings.during(() -> AdapterFile.load(model, adapter.folder(), Strictness.LENIENT));
    assertEquals(ModelState.of(expected), ModelState.of(model));
    assertEquals(0.5f, max(model.namedParameters().get(C_FC.replace("2", "0") + ".bias").data()));
    assertTrue(warnings.toString().contains("got 2 others"), warnings.toString());
    assertFalse(warnings.toString().contains("bias"), warnings.toString());
  }

  @Test
  void ad10AViewIsMadeOfWhatIsLeft() throws IOException {
    putUnexpectedTensors();
    Adapter read = Adapter.read(adapter.folder(), Strictness.LENIENT);
    SequenceModel expected = languageModel();
    AdapterFile.load(expected, Fixtures.folder().resolve("adapters/default-c_attn"));
    assertArrayEquals(logits(expected), logits(read.on(languageModel())), 0);
  }

  @ParameterizedTest
  @CsvSource({
    "h.0.attn.c_attn.base_layer.bias, 144, AD-10",
    "h.0.attn.c_attn.lora_magnitude_vector, 144, AD-10",
    "h.0.ln_1.weight, 48, AD-10",
    "h.0.ln_1.bias, 48, AD-11",
    "wte.weight, 48, AD-10",
    "lm_head.weight, 48, AD-10"
  })
  void ad10WhatActsInTheModelIsNeverLeftOut(String name, int size, String code) throws IOException {
    String prefix = name.startsWith("lm_head") ? "base_model.model." : H.replace("h.", "");
    adapter.put(prefix + name, Stored.filled(0.25f, size));
    for (Strictness each : Strictness.values()) {
      refusedWhen(each, MismatchException.class, code, "with 1 difference:");
    }
  }

  @Test
  void ad10WhatIsMissingOrInTheWayIsRefusedAlsoWhereWhatIsUnexpectedIsLeftOut() throws IOException {
    putUnexpectedTensors();
    adapter.remove(A).remove(B);
    refusedWhen(
        Strictness.LENIENT,
        MismatchException.class,
        "AD-09",
        "with 2 differences:",
        "h.1.attn.c_attn.lora_A.weight: missing in the file");
    adapter.rename(name -> name.replace(".weight", ".adapter2.weight"));
    refusedWhen(Strictness.LENIENT, MismatchException.class, "AD-08", "with 1 difference:");
  }

  @Test
  void ad10ABranchOfTheModelIsNotTakenOutWithOneThatIsLeftOut() throws IOException {
    putUnexpectedTensors();
    Lora.apply(model, LoraConfig.of(2, 4).withTargets(Targets.named("c_fc").inLayers(0)));
    refusedWhen(
        Strictness.LENIENT,
        MismatchException.class,
        "AD-09",
        "transformer.h.0.mlp.c_fc: adapted in the model, not in the adapter");
  }

  @Test
  void ad10ThousandsOfTensorsThatAreLeftOutGiveAShortWarning() throws IOException {
    Map<String, Stored> strange = new TreeMap<>();
    for (int block = 10; block < 2010; block++) {
      strange.put(H + block + ".ln_1.weight", Stored.filled(1, 1));
    }
    adapter.putAll(strange);
    List<String> warnings = Warnings.during(() -> loadsAsBefore(Strictness.LENIENT));
    assertTrue(warnings.get(0).contains("got 2000 others"), warnings.get(0));
    assertTrue(warnings.get(0).contains(" and 1976 more"), warnings.get(0));
    assertTrue(warnings.get(0).length() < 3000, warnings.get(0).length() + " characters");
  }

  @Test
  void ad10ThousandsOfFaultsGiveAShortError() throws IOException {
    Map<String, Stored> strange = new TreeMap<>();
    for (int block = 10; block < 2010; block++) {
      strange.put(H + block + ".ln_1.weight", Stored.filled(1, 1));
    }
    adapter.putAll(strange);
    String message = refused(MismatchException.class, "AD-10", "with 2000 differences:");
    assertTrue(message.contains("and 1976 more like this [AD-10]"), message);
    assertTrue(message.length() < 10_000, message.length() + " characters");
  }

  // --- AD-11: what changes the arithmetic --------------------------------------------------------

  @ParameterizedTest
  @CsvSource(
      delimiter = '>',
      value = {
        "lora_bias > true > true",
        "layer_replication > [[0, 2], [1, 3]] > [[0, 2], [1, 3]]",
        "use_qalora > true > true",
        "init_lora_weights > \"pissa\" > pissa",
        "trainable_token_indices > [5] > [5]",
        "task_type > \"TOKEN_CLS\" > TOKEN_CLS"
      })
  void ad11WhatIsNotSupported(String key, String literal, String said) throws IOException {
    adapter.set(key, literal);
    refusedEverywhere(UnsupportedFeatureException.class, "AD-11", "[/" + key, key, said);
  }

  @ParameterizedTest
  @CsvSource({
    "use_dora, true, h.1.attn.c_attn.lora_magnitude_vector: missing",
    "bias, '\"lora_only\"', h.1.attn.c_attn.base_layer.bias: missing"
  })
  void ad11WhatIsSupportedAndNotInTheFile(String key, String literal, String said)
      throws IOException {
    adapter.set(key, literal);
    refused(MismatchException.class, "AD-09", said);
  }

  @Test
  void ad11TheFlagForTransposedWeightsSaysNothing() throws IOException {
    adapter.set("fan_in_fan_out", "false");
    loadsAsBefore();
  }

  @Test
  void ad11ABiasOfWhatIsNoLinear() throws IOException {
    adapter.put(H + "0.ln_1.bias", Stored.filled(0.5f, 48));
    refused(MismatchException.class, "AD-11", "h.0.ln_1.bias: trained, and only biases of Linear");
  }

  @Test
  void ad11AHeadWithABias() throws IOException {
    model = base().classifier(ClassifierHead.FULL, 3, 3);
    adapter.put("base_model.model.score.weight", Stored.filled(1, 3, 48));
    adapter.put("base_model.model.score.bias", Stored.filled(1, 3));
    refused(MismatchException.class, "AD-11", "score.bias: only a head without bias");
  }

  // --- AD-12, AD-13: keys of a newer PEFT --------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"null", "false", "\"\"", "[]", "{}"})
  void ad12AnUnknownKeyThatIsNotSet(String literal) throws IOException {
    adapter.set("use_newest", literal);
    List<String> warnings = Warnings.during(this::loadsAsBefore);
    assertFalse(warnings.toString().contains("use_newest"), warnings.toString());
  }

  @Test
  void ad13AnUnknownKeyThatIsSet() throws IOException {
    adapter.set("use_newest", "[3]");
    List<String> warnings = Warnings.during(this::loadsAsBefore);
    assertTrue(warnings.toString().contains("got use_newest [3] (ignored"), warnings.toString());
  }

  @Test
  void ad13AnUnknownKeyThatIsSetIsRefusedIfThatIsAskedFor() throws IOException {
    adapter.set("use_newest", "[3]").set("use_other", "\"fast\"").set("use_none", "null");
    String message =
        refusedWhen(
            Strictness.STRICT,
            UnsupportedFeatureException.class,
            "AD-13",
            adapter.config() + ": ",
            "got use_newest [3], use_other \"fast\" (");
    assertFalse(message.contains("use_none"), message);
    Exception e =
        assertThrows(
            UnsupportedFeatureException.class,
            () -> Adapter.read(adapter.folder(), Strictness.STRICT));
    assertEquals(message, e.getMessage());
    List<String> warnings = Warnings.during(() -> loadsAsBefore(Strictness.LENIENT));
    assertTrue(warnings.toString().contains("got use_newest [3] (ignored"), warnings.toString());
  }

  @Test
  void ad13AnAdapterWithoutUnknownKeysIsLoadedStrictly() throws IOException {
    loadsAsBefore(Strictness.STRICT);
  }

  // --- AD-14: a bad alpha ------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "\"16\"", "-1", "null"})
  void ad14ABadAlpha(String literal) throws IOException {
    adapter.set("lora_alpha", literal);
    refusedEverywhere(
        AdapterFormatException.class, "AD-14", "[/lora_alpha, AD-14]", "got " + literal);
  }

  @Test
  void ad14AnAlphaOf0ComesBackWithAWarning() throws IOException {
    adapter.set("lora_alpha", "0");
    SequenceModel base = languageModel();
    List<String> first = Warnings.during(() -> AdapterFile.load(model, adapter.folder()));
    assertTrue(first.toString().contains("lora_alpha, got 0 (such a branch does"), "" + first);
    assertArrayEquals(logits(base), logits((SequenceModel) model), 0);

    Path saved = temp.resolve("saved");
    AdapterFile.save(model, AdapterFile.metadata(adapter.folder()), saved);
    SequenceModel again = languageModel();
    List<String> second = Warnings.during(() -> AdapterFile.load(again, saved));
    assertEquals(ModelState.of(model), ModelState.of(again));
    assertTrue(again.toString().contains("alpha=0.0"), again.toString());
    String place = "/modules/transformer.h.1.attn.c_attn/alpha, got 0 (such a branch does nothing)";
    assertTrue(second.toString().contains(place), "" + second);
  }

  @Test
  void ad14AnAlphaOf0OfOneModuleComesBackInPeftsFilesToo() throws IOException {
    adapter.set("alpha_pattern", "{\"h.1.attn.c_attn\": 0}");
    AdapterFile.load(model, adapter.folder());
    Path saved = temp.resolve("saved");
    AdapterFile.save(model, AdapterFile.metadata(adapter.folder()), saved);
    Files.delete(saved.resolve("lora4j.json"));
    Module again = languageModel();
    AdapterFile.load(again, saved);
    assertEquals(ModelState.of(model), ModelState.of(again));
    assertTrue(again.toString().contains("alpha=0.0"), again.toString());
    assertTrue(again.toString().contains("alpha=8.0"), again.toString());
  }

  private static float[] logits(SequenceModel model) {
    return model.forward(Sequences.of(new int[] {3, 1, 4, 1, 5}), null).toArray();
  }

  // --- AD-15: a pickle ---------------------------------------------------------------------------

  @Test
  void ad15APickleAlone() throws IOException {
    Files.move(adapter.tensors(), adapter.folder().resolve("adapter_model.bin"));
    refusedEverywhere(
        UnsupportedFeatureException.class,
        "AD-15",
        "adapter_model.bin",
        "can run code",
        "save_pretrained(folder, safe_serialization=True)");
  }

  @Test
  void ad15APickleBesideTheTensorsIsNotLookedAt() throws IOException {
    Files.write(adapter.folder().resolve("adapter_model.bin"), new byte[] {1});
    loadsAsBefore();
  }

  // --- AD-16: other precisions -------------------------------------------------------------------

  @Test
  void ad16HalvesBecomeFloatsExactly() throws IOException {
    float[] halves = {1, -0.0f, 65504, 0x1p-24f, 1.0009765625f, -2.5f};
    for (String name : List.of(A, B)) {
      float[] values = adapter.tensor(name).values();
      for (int i = 0; i < values.length; i++) {
        values[i] = halves[(i + name.length()) % halves.length];
      }
    }
    Module expected = languageModel();
    adapter.put(A, adapter.tensor(A)); // in float32
    AdapterFile.load(expected, adapter.folder());
    adapter.inHalfPrecision();
    AdapterFile.load(model, adapter.folder());
    for (String part : List.of("A", "B")) {
      String name = "transformer.h.1.attn.c_attn.lora." + part;
      assertEquals(
          ModelState.of(expected).bits().get(name), ModelState.of(model).bits().get(name), name);
      assertEquals(65504, max(model.namedParameters().get(name).data()));
    }
  }

  private static float max(float[] values) {
    float max = Float.NEGATIVE_INFINITY;
    for (float value : values) {
      max = Math.max(max, value);
    }
    return max;
  }

  // --- AD-17: numbers that are none --------------------------------------------------------------

  @Test
  void ad17NaNInB() throws IOException {
    Stored b = adapter.tensor(B);
    b.values()[3] = Float.NaN;
    b.values()[100] = Float.NEGATIVE_INFINITY;
    adapter.put(B, b);
    refusedEverywhere(NonFiniteException.class, "AD-17", B, "got 2 of 576 that are NaN");
  }

  // --- AD-18: the adapter of a larger base -------------------------------------------------------

  @Test
  void ad18AnAdapterForAnotherSize() throws IOException {
    adapter.set("base_model_name_or_path", "\"gpt2-\\u001b[31mmedium\"");
    for (int block = 0; block < 3; block++) {
      adapter.put(H + block + ".attn.c_attn.lora_A.weight", Stored.filled(1, 4, 64));
      adapter.put(H + block + ".attn.c_attn.lora_B.weight", Stored.filled(1, 192, 4));
    }
    refused(
        MismatchException.class,
        "AD-18",
        "with 6 differences (it is for the base 'gpt2-\\u001b[31mmedium')",
        "h.0.attn.c_attn.lora_A.weight: shape (4, 48) expected, got (4, 64)",
        "h.2.attn.c_attn.lora_B.weight: shape (144, 4) expected, got (192, 4)");
  }

  // --- AD-19: a name of a base that is a place ---------------------------------------------------

  @ParameterizedTest
  @ValueSource(strings = {"http://127.0.0.1:9/x", "../x", "/etc/passwd", "a\\u0000b"})
  void ad19TheNameOfABaseIsNoPlace(String name) throws IOException {
    adapter.set("base_model_name_or_path", "\"" + name + "\"");
    loadsAsBefore();
    String expected = name.replace("\\u0000", "\0");
    assertEquals(expected, AdapterFile.metadata(adapter.folder()).baseModel());
  }

  // --- AD-20: files that are no safetensors ------------------------------------------------------

  @ParameterizedTest
  @CsvSource({"0, ST-01", "5, ST-01", "20, ST-03", "-1, ST-30"})
  void ad20AFileThatIsCut(int length, String code) throws IOException {
    byte[] whole = Files.readAllBytes(adapter.tensors());
    Files.write(
        adapter.tensors(), Arrays.copyOf(whole, length < 0 ? whole.length + length : length));
    refusedUnchanged(code);
  }

  @Test
  void ad20AFileWithSomethingBehindIt() throws IOException {
    byte[] whole = Files.readAllBytes(adapter.tensors());
    Files.write(adapter.tensors(), Arrays.copyOf(whole, whole.length + 7));
    refusedUnchanged("ST-29");
  }

  @Test
  void ad20AWebPage() throws IOException {
    Files.writeString(adapter.tensors(), "<!DOCTYPE html><html><body>404</body></html>");
    refusedUnchanged("ST-31");
  }

  private void refusedUnchanged(String code) {
    String message =
        refusedEverywhere(SafetensorsFormatException.class, code, adapter.tensors() + ": ");
    Exception expected =
        assertThrows(
            SafetensorsFormatException.class, () -> SafetensorsFile.open(adapter.tensors()));
    assertEquals(expected.getMessage(), message);
  }
}
