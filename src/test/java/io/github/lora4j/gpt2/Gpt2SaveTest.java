package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is saved is the published layout again, bit for bit. */
class Gpt2SaveTest {

  private static final Gpt2Config SIZES = new Gpt2Config(70, 9, 6, 2, 3, 20, 1e-6f);

  @TempDir private Path folder;

  private static Map<String, Parameter> parameters(Gpt2 base) {
    return base.languageModel().namedParameters();
  }

  private static void assertSame(Gpt2 expected, Gpt2 actual) {
    Map<String, Parameter> values = parameters(actual);
    assertEquals(parameters(expected).keySet(), values.keySet());
    parameters(expected)
        .forEach(
            (name, parameter) ->
                assertArrayEquals(
                    parameter.tensor().toArray(), values.get(name).tensor().toArray(), name));
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void savedBaseLoadsBitEqualInBothLayouts(QkvLayout layout) throws IOException {
    Gpt2 base = Gpt2.initialize(SIZES, layout, 7);
    base.save(folder, DType.F32);
    Gpt2 loaded = Gpt2.load(folder, LoadOptions.DEFAULT.withLayout(layout).withStrict(true));
    assertEquals(SIZES, loaded.config());
    assertSame(base, loaded);
    for (QkvLayout other : QkvLayout.values()) {
      assertSame(Gpt2.initialize(SIZES, other, 7), Gpt2.load(folder, other));
    }
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void publishedTensorsAreSavedAsTheyWereRead(QkvLayout layout) throws IOException {
    Path published = Fixtures.folder().resolve("gpt2-tiny");
    Gpt2.load(published, layout).save(folder, DType.F32);
    SafetensorsFile before = SafetensorsFile.open(published.resolve("model.safetensors"));
    SafetensorsFile after = SafetensorsFile.open(folder.resolve("model.safetensors"));
    for (String name : after.names()) {
      assertEquals(before.tensors().get(name).shape(), after.tensors().get(name).shape(), name);
      assertArrayEquals(before.readFloats(name), after.readFloats(name), name);
    }
    assertTrue(
        before.names().stream()
            .allMatch(name -> after.names().contains(name) || name.endsWith(".attn.bias")));
  }

  @Test
  void bytesDependOnTheWeightsAlone() throws IOException {
    Gpt2.initialize(SIZES, QkvLayout.FUSED, 7).save(folder.resolve("a"), DType.F16);
    Gpt2.initialize(SIZES, QkvLayout.SPLIT, 7).save(folder.resolve("deeper/b"), DType.F16);
    for (String file : List.of("config.json", "model.safetensors")) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("a").resolve(file)),
          Files.readAllBytes(folder.resolve("deeper/b").resolve(file)));
    }
  }

  @Test
  void nothingElseIsLeftInTheFolderAndOtherFilesStay() throws IOException {
    Files.writeString(folder.resolve("vocab.json"), "{}");
    Gpt2 base = Gpt2.initialize(SIZES, QkvLayout.FUSED, 7);
    base.save(folder, DType.F32);
    base.save(folder, DType.F16);
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of("config.json", "model.safetensors", "vocab.json"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @ParameterizedTest
  @EnumSource(QkvLayout.class)
  void adaptedModelIsRefusedBeforeAnythingIsWritten(QkvLayout layout) throws IOException {
    Gpt2LanguageModel model = Gpt2.initialize(SIZES, layout, 7).languageModel();
    model
        .namedModules()
        .get("transformer.h.1.attn")
        .slots()
        .values()
        .forEach(slot -> slot.set(new StandIn(slot.layer())));
    Path target = folder.resolve("model");
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> model.save(target, DType.F32));
    assertTrue(e.getMessage().contains("h.1.attn."), e.getMessage());
    assertTrue(e.getMessage().contains("merge"), e.getMessage());
    assertFalse(Files.exists(target));
  }

  @Test
  void otherTypesAreRefused() {
    Gpt2 base = Gpt2.initialize(SIZES, QkvLayout.FUSED, 7);
    assertThrows(IllegalArgumentException.class, () -> base.save(folder, DType.I32));
  }
}
