package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Sequences;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BaseCheckTest {

  private static final String TINY = "gpt2-tiny";

  @TempDir private Path folder;

  private static Gpt2LanguageModel model(Path base, LoadOptions options) throws IOException {
    Gpt2LanguageModel model = Gpt2.load(base, options).languageModel();
    model.freeze();
    return model;
  }

  private static Gpt2LanguageModel model(String base) throws IOException {
    return model(Fixtures.folder().resolve(base), LoadOptions.DEFAULT);
  }

  private static float[] logits(Gpt2LanguageModel model) {
    return model.forward(Sequences.of(new int[] {3, 1, 4, 1, 5}), null).toArray();
  }

  private Path adapter() {
    return folder.resolve("adapter");
  }

  @BeforeEach
  void save() throws IOException {
    save(TINY);
  }

  private void save(String base) throws IOException {
    Gpt2LanguageModel model = model(base);
    AdapterMetadata metadata =
        AdapterFile.load(model, Fixtures.folder().resolve("adapters").resolve("all-linear"));
    AdapterFile.save(model, metadata, adapter());
  }

  @Test
  void theSameBaseIsTaken() throws IOException {
    Gpt2LanguageModel model = model(TINY);
    AdapterFile.load(model, adapter());
    assertTrue(
        Files.readString(adapter().resolve("lora4j.json"))
            .matches(
                "(?s).*\"base_tensors\"\\s*:\\s*\\{[^}]*\"h.0.attn.c_attn\"\\s*:\\s*\"[0-9a-f]{64}\".*"));
  }

  @Test
  void theSameBaseHeldInBfloat16IsTaken() throws IOException {
    Path base = Fixtures.folder().resolve(TINY);
    AdapterFile.load(model(base, LoadOptions.DEFAULT.withFormat(WeightFormat.BFLOAT16)), adapter());
  }

  @ParameterizedTest
  @ValueSource(strings = {"h.0.attn.c_attn", "h.2.mlp.c_proj"})
  void anotherBaseIsRefusedByTheFirstTensorThatDiffers(String changed) throws IOException {
    Path base = Files.createDirectory(folder.resolve("base"));
    Path original = Fixtures.folder().resolve(TINY);
    Files.copy(original.resolve("config.json"), base.resolve("config.json"));
    SafetensorsFile file = SafetensorsFile.open(original.resolve("model.safetensors"));
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    for (TensorInfo tensor : file.tensors().values()) {
      float[] elements = file.readFloats(tensor.name());
      if (tensor.name().endsWith(changed + ".weight")) {
        elements[7] *= 1.01f;
      }
      writer.floats(tensor.name(), elements, tensor.shape().stream().mapToLong(i -> i).toArray());
    }
    try (OutputStream out = Files.newOutputStream(base.resolve("model.safetensors"))) {
      writer.writeTo(out);
    }
    Gpt2LanguageModel model = model(base, LoadOptions.DEFAULT);
    float[] before = logits(model);

    MismatchException e =
        assertThrows(MismatchException.class, () -> AdapterFile.load(model, adapter()));

    assertEquals("AD-18", e.code());
    assertTrue(e.getMessage().contains(changed), e.getMessage());
    assertArrayEquals(before, logits(model), 0);
    assertTrue(PublishedModule.places(model).stream().allMatch(place -> place.adapted() == null));
  }

  @ParameterizedTest
  @CsvSource({
    "gpt2-tiny,gpt2-tiny-sharded-f16,true",
    "gpt2-tiny-sharded-f16,gpt2-tiny,true",
    "gpt2-tiny,gpt2-tiny-sharded-bf16,false",
    "gpt2-tiny-sharded-bf16,gpt2-tiny,false"
  })
  void aCopyInHalfPrecisionIsTakenWhereTheProbeAgrees(String trained, String loaded, boolean agrees)
      throws IOException {
    save(trained);
    Gpt2LanguageModel model = model(loaded);
    if (agrees) {
      AdapterFile.load(model, adapter());
      return;
    }
    MismatchException e =
        assertThrows(MismatchException.class, () -> AdapterFile.load(model, adapter()));
    assertTrue(e.getMessage().contains("logits of the probe are off by 0.0"), e.getMessage());
  }

  @Test
  void aSplitModelIsTheSameBase() throws IOException {
    Path base = Fixtures.folder().resolve(TINY);
    Gpt2LanguageModel split = model(base, LoadOptions.DEFAULT.withLayout(QkvLayout.SPLIT));
    Gpt2LanguageModel fused = model(TINY);
    AdapterFile.load(split, Fixtures.folder().resolve("adapters").resolve("all-linear"));
    AdapterFile.load(fused, adapter());
    assertEquals(BaseIdentity.of(fused), BaseIdentity.of(split));
  }
}
