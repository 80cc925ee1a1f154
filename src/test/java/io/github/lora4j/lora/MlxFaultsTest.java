package io.github.lora4j.lora;

import static io.github.lora4j.lora.PublishedBranches.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.safetensors.SafetensorsFormatException;
import io.github.lora4j.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a damaged or foreign folder of mlx-lm's kind says. */
class MlxFaultsTest {

  private static final String A = "model.h.0.attn.c_proj.lora_a";
  private static final String B = "model.h.0.attn.c_proj.lora_b";

  @TempDir private Path folder;
  private Path config;
  private Path tensors;

  @BeforeEach
  void write() throws IOException {
    MlxAdapter.write(folder, Map.of("h.0.attn.c_proj", random(1, 2, 4f, 3, 3)), 1, 0);
    config = folder.resolve("adapter_config.json");
    tensors = folder.resolve("adapters.safetensors");
  }

  static List<Arguments> damages() {
    return List.of(
        Arguments.of("AD-01", "{", "[", "JSON"),
        Arguments.of("AD-01", "lora_parameters", "parameters", "/lora_parameters"),
        Arguments.of("AD-11", "\"lora\"", "\"dora\"", "'dora'"),
        Arguments.of("AD-11", "\"lora\"", "\"full\"", "'full'"),
        Arguments.of("AD-11", "fine_tune_type", "peft_type", "got one of PEFT"),
        Arguments.of("AD-01", "\"lora\"", "3", "got 3"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 0", "got 0"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 32769", "got 32769"),
        Arguments.of("AD-03", "\"rank\": 2", "\"r\": 2", "got none"),
        Arguments.of("AD-04", "\"rank\": 2", "\"rank\": 3", "[in, 3] expected, got [3, 2]"),
        Arguments.of("AD-14", "\"scale\": 2.0", "\"scale\": 0", "above 0"),
        Arguments.of("AD-14", "\"scale\": 2.0", "\"scale\": -1.0", "above 0"),
        Arguments.of("AD-14", "\"scale\": 2.0", "\"scale\": 1e99", "a finite number"),
        Arguments.of("AD-14", "\"scale\": 2.0", "\"scale\": 3e38", "a finite alpha"),
        Arguments.of("AD-14", "\"scale\": 2.0", "\"s\": 2.0", "got none"),
        Arguments.of("AD-10", "attn.c_proj", "attn.c_attn", A),
        Arguments.of("AD-01", "\"attn.c_proj\"", "1", "a list of strings"));
  }

  @ParameterizedTest
  @MethodSource("damages")
  void aDamagedConfigurationIsRefused(String code, String words, String damage, String said)
      throws IOException {
    String text = Files.readString(config);
    assertTrue(text.contains(words), text);
    Files.writeString(config, text.replace(words, damage));
    refused(code, said);
  }

  @Test
  void whatMlxLmLeavesOutIsNoFault() throws IOException {
    String text = Files.readString(config);
    String without =
        text.replaceAll("\"keys\": \\[[^]]*],", "").replace("\"fine_tune_type\": \"lora\",", "");
    assertTrue(!without.contains("keys") && !without.contains("fine_tune_type"), without);
    Files.writeString(config, without);
    assertEquals(List.of("h.0.attn.c_proj"), List.copyOf(MlxAdapter.read(folder).keySet()));
  }

  @Test
  void halvesAreWidened() throws IOException {
    new SafetensorsWriter()
        .halves(A, new float[] {1, 2, 3, 4, 5, 6}, 3, 2)
        .halves(B, new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
        .write(tensors);
    PublishedBranch branch = MlxAdapter.read(folder).get("h.0.attn.c_proj");
    assertArrayEquals(new float[] {1, 3, 5, 2, 4, 6}, branch.loraA().data());
    assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, branch.loraB().data());
  }

  @Test
  void aMissingFileIsRefused() throws IOException {
    assertThrows(NoSuchFileException.class, () -> MlxAdapter.read(folder.resolve("none")));
    Files.delete(tensors);
    refused("AD-01", "without adapters.safetensors");
    Files.delete(config);
    refused("AD-01", "without adapter_config.json");
  }

  @Test
  void aDamagedTensorFileIsRefused() throws IOException {
    Files.write(tensors, new byte[] {1, 2, 3});
    assertThrows(SafetensorsFormatException.class, () -> MlxAdapter.read(folder));
  }

  @Test
  void halfABranchIsRefused() throws IOException {
    new SafetensorsWriter().floats(A, new float[6], 3, 2).write(tensors);
    assertInstanceOf(AdapterFormatException.class, refused("AD-05", "without " + B));
    new SafetensorsWriter().floats(B, new float[6], 2, 3).write(tensors);
    refused("AD-05", "without " + A);
  }

  @Test
  void shapesThatDoNotFitAreRefused() throws IOException {
    new SafetensorsWriter()
        .floats(A, new float[6], 2, 3)
        .floats(B, new float[6], 3, 2)
        .write(tensors);
    MismatchException e = assertInstanceOf(MismatchException.class, refused("AD-04", A));
    assertTrue(
        e.getMessage().contains(B + ": shape [2, out] expected, got [3, 2]"), e.getMessage());
    new SafetensorsWriter().floats(A, new float[2], 2).floats(B, new float[6], 2, 3).write(tensors);
    refused("AD-04", "got [2]");
    new SafetensorsWriter()
        .floats(A, new float[0], 0, 2)
        .floats(B, new float[6], 2, 3)
        .write(tensors);
    refused("AD-04", "got [0, 2]");
  }

  @Test
  void namesWithoutAPlaceAreRefused() throws IOException {
    for (String name :
        List.of(
            "model.layers.0.self_attn.q_proj.lora_a",
            "h.0.attn.c_proj.lora_a",
            "model.h.0.attn.c_proj.lora_m",
            "model.h.0.attn.c_proj",
            "model.score.lora_a",
            "lora_a",
            "model..lora_a",
            "model.lora_a")) {
      new SafetensorsWriter().floats(name, new float[6], 3, 2).write(tensors);
      assertInstanceOf(MismatchException.class, refused("AD-10", name));
    }
    SafetensorsWriter many = new SafetensorsWriter();
    for (int i = 0; i < 10; i++) {
      many.floats("model.layers." + i + ".lora_a", new float[6], 3, 2);
    }
    many.write(tensors);
    refused("AD-10", "and 7 more");
    new SafetensorsWriter().write(tensors);
    refused("AD-09", "at least one branch expected, got none");
  }

  @Test
  void whatIsNotFiniteIsRefused() throws IOException {
    new SafetensorsWriter()
        .floats(A, new float[6], 3, 2)
        .allowNonFinite()
        .floats(B, new float[] {0, 0, Float.NaN, 0, 0, Float.NEGATIVE_INFINITY}, 2, 3)
        .write(tensors);
    NonFiniteException e = assertThrows(NonFiniteException.class, () -> MlxAdapter.read(folder));
    assertEquals("AD-17", e.code());
    assertEquals(B, e.location());
    assertTrue(e.getMessage().contains("got 2 of 6"), e.getMessage());
  }

  private BadFileException refused(String code, String said) {
    BadFileException e = assertThrows(BadFileException.class, () -> MlxAdapter.read(folder));
    assertEquals(code, e.code(), e.getMessage());
    assertEquals(code.equals("AD-11"), e instanceof UnsupportedFeatureException);
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
    return e;
  }
}
