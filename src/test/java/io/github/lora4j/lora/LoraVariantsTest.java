package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.LoggedWarnings;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.train.AdamW;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kind of branch starts as the base, learns, and is the same after saving and merging. */
class LoraVariantsTest {

  private static final int[] IDS = {3, 1, 4, 1, 5, 9, 2, 6};
  private static final LoraConfig CONFIG = LoraConfig.of(4, 8);

  /** Of logits of about 1 after a few float32 products that cancel at the start. */
  private static final float START = 1e-4f;

  @TempDir private Path folder;
  private Gpt2 base;

  @BeforeEach
  void load() throws IOException {
    base = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), QkvLayout.SPLIT);
  }

  static Stream<Arguments> variants() {
    return Stream.of(
        Arguments.of("plain", CONFIG),
        Arguments.of("book", CONFIG.withInit(LoraInit.BOOK)),
        Arguments.of("gaussian", CONFIG.withInit(LoraInit.GAUSSIAN)),
        Arguments.of("orthogonal", CONFIG.withInit(LoraInit.ORTHOGONAL)),
        Arguments.of("pissa", CONFIG.withInit(LoraInit.PISSA)),
        Arguments.of(
            "pissa with rslora", CONFIG.withInit(LoraInit.PISSA).withScaling(LoraScaling.RSLORA)),
        Arguments.of("rslora", CONFIG.withScaling(LoraScaling.RSLORA)),
        Arguments.of("dora", CONFIG.withDora(true)),
        Arguments.of("dora with dropout", CONFIG.withDora(true).withDropout(0.2f)),
        Arguments.of("ranks", CONFIG.withRanks(Map.of("c_fc", 2)).withAlphas(Map.of("query", 3f))),
        Arguments.of(
            "ranks by expression",
            CONFIG
                .withRanks(Map.of("h\\.[12]\\..*c_.*", 2))
                .withAlphas(Map.of("^.*\\.mlp\\..*", 3f))),
        Arguments.of("biases", CONFIG.withBias(BiasTraining.LORA_ONLY)),
        Arguments.of(
            "a module trained whole",
            CONFIG.withTargets(Targets.named("c_attn")).withModulesToSave("mlp.c_proj")));
  }

  private static float[] logits(Gpt2LanguageModel model) {
    return model.forward(Sequences.of(IDS), null).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("variants")
  void startsAsTheBaseLearnsAndTravels(String name, LoraConfig config) throws IOException {
    float[] before = logits(base.languageModel());
    Gpt2LanguageModel model = base.languageModel();
    model.freeze();
    Lora.apply(model, config);
    assertArrayEquals(before, logits(model), START);
    Map<String, Parameter> trained = model.trainedParameters();
    Map<Parameter, float[]> values = new java.util.IdentityHashMap<>();
    trained.values().forEach(parameter -> values.put(parameter, parameter.data().clone()));
    AdamW optimizer = new AdamW(trained, 1e-2f, 0);
    double first = 0;
    double last = 0;
    for (int step = 0; step < 4; step++) {
      optimizer.zeroGrad();
      int[] targets = {1, 4, 1, 5, 9, 2, 6, 5};
      var loss = model.loss(Sequences.of(IDS), targets, -100, new Tape());
      loss.backward();
      first = step == 0 ? loss.item() : first;
      last = loss.item();
      optimizer.step(1);
    }
    assertTrue(last < first - 0.1, first + " to " + last);
    trained.forEach(
        (path, parameter) ->
            assertFalse(Arrays.equals(values.get(parameter), parameter.data()), path + " moves"));
    float[] learnt = logits(model);
    assertArrayEquals(before, logits(base.languageModel()), 0, "the base is as it was");

    AdapterFile.save(model, AdapterMetadata.of(TaskType.CAUSAL_LM), folder);
    Gpt2LanguageModel again = base.languageModel();
    AdapterFile.load(again, folder);
    boolean isPlain = !name.startsWith("pissa");
    assertArrayEquals(learnt, logits(again), isPlain ? 0 : START);

    Merge merge = Merge.into(model);
    assertArrayEquals(learnt, logits(model), START);
    merge.undo();
    assertArrayEquals(learnt, logits(model), 0);

    Files.delete(folder.resolve("lora4j.json"));
    Files.delete(folder.resolve("lora4j.safetensors"));
    for (QkvLayout layout : QkvLayout.values()) {
      Gpt2LanguageModel foreign =
          Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), layout).languageModel();
      AdapterFile.load(foreign, folder);
      assertArrayEquals(learnt, logits(foreign), START);
    }
    assertArrayEquals(before, logits(base.languageModel()), 0, "the base is still as it was");
  }

  @Test
  void pissaIsSavedAsAPlainBranchOfTwiceTheRank() throws IOException {
    Gpt2LanguageModel model = base.languageModel();
    model.freeze();
    Lora.apply(model, CONFIG.withInit(LoraInit.PISSA).withTargets(Targets.named("c_fc")));
    List<String> warnings =
        LoggedWarnings.of(
            AdapterFile.class,
            () -> AdapterFile.save(model, AdapterMetadata.of(TaskType.CAUSAL_LM), folder));
    assertEquals(List.of(), warnings, "PEFT's files carry the start as well");
    String config = Files.readString(folder.resolve("adapter_config.json"));
    assertTrue(config.contains("\"r\" : 8") || config.contains("\"r\": 8"), config);
    assertTrue(
        config.contains("\"init_lora_weights\" : true")
            || config.contains("\"init_lora_weights\": true"),
        config);
    assertEquals(
        8,
        AdapterManifest.read(folder.resolve("lora4j.json"))
            .modules()
            .values()
            .iterator()
            .next()
            .rank());
  }

  @Test
  void whatCannotBeIsRefused() {
    Gpt2LanguageModel model = base.languageModel();
    for (LoraConfig config :
        List.of(
            CONFIG.withInit(LoraInit.PISSA).withDora(true),
            CONFIG.withRanks(Map.of("c_fk", 2)),
            CONFIG.withAlphas(Map.of("^c_fc", 2f)),
            CONFIG.withModulesToSave("wte"),
            CONFIG.withModulesToSave("ln_f"))) {
      assertThrows(IllegalArgumentException.class, () -> Lora.apply(model, config));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> new LoRALayer(3, 4, CONFIG.withInit(LoraInit.PISSA), "lora"));
  }
}
