package io.github.lora4j.safetensors;

import static io.github.lora4j.safetensors.FileBytes.entry;
import static io.github.lora4j.safetensors.FileBytes.file;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertThrowsExactly;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.FormatException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One file or shards, and indexes that must be refused. */
class SafetensorsFolderTest {

  private static final Path FIXTURES = Path.of("src/test/resources/fixtures");

  @TempDir Path folder;

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve(SafetensorsFolder.INDEX), json);
  }

  private void shard(String name, String... tensors) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (String tensor : tensors) {
      writer.floats(tensor, new float[] {tensor.length()});
    }
    writer.write(folder.resolve(name));
  }

  private FormatException assertRefused(String code, String... named) {
    FormatException e =
        assertThrowsExactly(SafetensorsFormatException.class, () -> SafetensorsFolder.open(folder));
    assertEquals(code, e.code(), e.getMessage());
    assertEquals(folder.resolve(SafetensorsFolder.INDEX).toString(), e.path());
    for (String word : named) {
      assertTrue(e.getMessage().contains(word), () -> word + " missing in: " + e.getMessage());
    }
    return e;
  }

  @ParameterizedTest
  @ValueSource(strings = {"f16", "bf16"})
  void shardsGiveTheTensorsOfTheWholeModelRoundedToTheirType(String type) throws Exception {
    SafetensorsFolder whole = SafetensorsFolder.open(FIXTURES.resolve("gpt2-tiny"));
    SafetensorsFolder shards =
        SafetensorsFolder.open(FIXTURES.resolve("gpt2-tiny-sharded-" + type));
    Map<String, TensorInfo> expected = new HashMap<>();
    whole.tensors().forEach((name, info) -> expected.put("transformer." + name, info));
    expected.keySet().removeIf(name -> name.endsWith(".attn.bias"));
    assertEquals(expected.keySet(), shards.names());
    double relative =
        type.equals("f16") ? Math.pow(2, -11) : Math.pow(2, -8); // half a unit in the last place
    double absolute = type.equals("f16") ? Math.pow(2, -25) : 0; // halves below 2^-14 are subnormal
    for (String name : shards.names()) {
      float[] exact = whole.readFloats(name.substring("transformer.".length()));
      float[] rounded = shards.readFiniteFloats(name);
      assertEquals(exact.length, rounded.length);
      for (int i = 0; i < exact.length; i++) {
        double bound = Math.max(absolute, Math.abs(exact[i]) * relative);
        assertTrue(Math.abs((double) rounded[i] - exact[i]) <= bound, name + " " + i);
      }
      float[] part = new float[rounded.length + 2];
      shards.readFloats(name, part, 1);
      assertEquals(rounded[0], part[1]);
      shards.readFloats(name, rounded.length - 1, 1, part, 0);
      assertEquals(rounded[rounded.length - 1], part[0]);
      assertTrue(shards.path(name).contains("-of-00002.safetensors"));
    }
    assertEquals(List.of(), shards.warnings());
  }

  @Test
  void oneFileIsPreferredToAnIndex() throws Exception {
    shard(SafetensorsFolder.SINGLE, "a", "bb");
    index("damaged");
    SafetensorsFolder weights = SafetensorsFolder.open(folder);
    assertEquals(List.of("a", "bb"), List.copyOf(weights.names()));
    assertArrayEquals(new float[] {2}, weights.readFloats("bb"));
    assertThrows(IllegalArgumentException.class, () -> weights.readFloats("c"));
  }

  @Test
  void warningsOfTheFilesAreHandedOn() throws Exception {
    String header = entry("w", "U8", "[0]", "[0,0]").replace("}", ",\"foo\":1}");
    Files.write(folder.resolve(SafetensorsFolder.SINGLE), file("{" + header + "}", 0));
    assertEquals(1, SafetensorsFolder.open(folder).warnings().size());
  }

  /** MX-01. */
  @ParameterizedTest
  @ValueSource(
      strings = {"../malicious.safetensors", "..\\\\x.safetensors", "a/../x.safetensors", ".."})
  void shardsOutsideTheFolderAreRefused(String shard) throws Exception {
    index("{\"weight_map\":{\"w\":\"" + shard + "\"}}");
    assertRefused("MX-01", shard.replace("\\\\", "\\"), "tensor w");
  }

  /** MX-02. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/tmp/x.safetensors", "\\\\x.safetensors", "C:x.safetensors", "C:\\\\x.safetensors",
        "\\\\\\\\server\\\\share\\\\x.safetensors", "sub/x.safetensors", ".hidden.safetensors", "",
        "x\\u0000.safetensors", "\\n.safetensors", "x .safetensors", "\u00e4.safetensors"
      })
  void shardsThatAreNoPlainFileNamesAreRefused(String shard) throws Exception {
    index("{\"weight_map\":{\"w\":\"" + shard + "\"}}");
    assertRefused("MX-02", "tensor w");
  }

  /** MX-03. */
  @Test
  void shardsOfAnotherExtensionAreRefused() throws Exception {
    index("{\"weight_map\":{\"w\":\"model-00001-of-00001.bin\"}}");
    assertRefused("MX-03", "model-00001-of-00001.bin", ".safetensors");
  }

  /** MX-04. */
  @Test
  void indexesThatDoNotFitTheirShardsAreRefused() throws Exception {
    index(
        "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}");
    shard("1.safetensors", "a");
    assertRefused("MX-04", "tensor b", "2.safetensors is missing");
    shard("2.safetensors", "c");
    assertRefused("MX-04", "tensor c", "nowhere", "2.safetensors");
    shard("2.safetensors", "a", "b");
    assertRefused("MX-04", "tensor a", "in 1.safetensors, it is in 2.safetensors");
    shard("2.safetensors");
    assertRefused("MX-04", "tensor b", "not in its shard 2.safetensors");
    shard("2.safetensors", "b");
    assertEquals(List.of("a", "b"), List.copyOf(SafetensorsFolder.open(folder).names()));
  }

  /** MX-04. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\0',
      delimiter = '|',
      value = {
        "MX-04 | {}",
        "MX-04 | {\"weight_map\":{}}",
        "MX-04 | {\"weight_map\":{\"w\":1}}",
        "MX-04 | {\"weight_map\":{\"w\":[\"x.safetensors\"]}}",
        "MX-04 | {\"weight_map\":{\"w\":\"x.safetensors\",\"w\":\"x.safetensors\"}}",
        "ST-11 | []",
        "ST-11 | {\"weight_map\":[]}",
        "ST-10 | {\"weight_map\":{\"w\":\"x.safetensors\"}",
        "ST-12 | {\"weight_map\":{\"w\":\"x.safetensors\"}} {}",
        "ST-13 | \ufeff{}"
      })
  void malformedIndexesAreRefused(String code, String json) throws Exception {
    index(json);
    assertRefused(code);
  }

  @Test
  void aDamagedShardIsRefusedUnderItsOwnName() throws Exception {
    index("{\"weight_map\":{\"w\":\"x.safetensors\"}}");
    Files.write(folder.resolve("x.safetensors"), new byte[7]);
    var e =
        assertThrowsExactly(SafetensorsFormatException.class, () -> SafetensorsFolder.open(folder));
    assertEquals("ST-01", e.code());
    assertEquals(folder.resolve("x.safetensors").toString(), e.path());
  }

  /** MX-05. */
  @ParameterizedTest
  @ValueSource(strings = {"pytorch_model.bin", "pytorch_model.bin.index.json"})
  void picklesAreNeverLoaded(String pickle) throws Exception {
    Files.write(folder.resolve(pickle), new byte[100]);
    var e =
        assertThrowsExactly(
            UnsupportedFeatureException.class, () -> SafetensorsFolder.open(folder));
    assertEquals("MX-05", e.code());
    assertTrue(e.getMessage().contains("never loaded: it can run code"), e.getMessage());
    assertTrue(e.getMessage().contains("safe_serialization=True"), e.getMessage());
  }

  @Test
  void anEmptyOrAbsentFolderIsSaidToBeSo() {
    assertThrows(NoSuchFileException.class, () -> SafetensorsFolder.open(folder));
    assertThrows(NoSuchFileException.class, () -> SafetensorsFolder.open(folder.resolve("absent")));
  }
}
