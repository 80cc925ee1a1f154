package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** config.json: what is read, what is ignored, what is refused and how (MX-06, 07, 11, 14, 15). */
class Gpt2ConfigTest {

  private static final Gpt2Config SIZES = new Gpt2Config(11, 6, 4, 3, 2, 16, 1e-5f);

  @TempDir private Path folder;

  private Path file(String json) throws IOException {
    return Files.writeString(folder.resolve("config.json"), json);
  }

  /** The config.json of a small model with one value set or changed. */
  private Path fileWith(String key, String value) throws IOException {
    ModelFolder model = new ModelFolder();
    model.config.put(key, value);
    model.write(folder);
    return folder.resolve("config.json");
  }

  @Test
  void sizesAreReadFromTheFile() throws IOException {
    assertEquals(SIZES, Gpt2Config.read(fileWith("model_type", "\"gpt2\"")));
  }

  @Test
  void fixtureIsRead() throws IOException {
    Gpt2Config config = Gpt2Config.read(Fixtures.folder().resolve("gpt2-tiny/config.json"));
    Map<String, Object> file = Fixtures.json("gpt2-tiny/config.json");
    assertEquals((double) file.get("vocab_size"), config.vocabSize());
    assertEquals((double) file.get("n_layer"), config.nLayer());
    assertEquals(4 * config.nEmbd(), config.nInner());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "activation_function|\"gelu_pytorch_tanh\"",
        "attn_pdrop|0.1",
        "n_inner|null",
        "n_inner|16",
        "layer_norm_epsilon|1e-05",
        "scale_attn_weights|true",
        "pruned_heads|{}",
        "quantization_config|null",
        "task_specific_params|{\"text-generation\":{\"do_sample\":true,\"lengths\":[[50]]}}",
        "auto_map|{\"AutoModel\":\"evil.py\"}",
        "trust_remote_code|true",
        "eos_token_id|50256",
      })
  void whatDoesNotChangeTheArithmeticIsAccepted(String key, String value) throws IOException {
    assertEquals(SIZES, Gpt2Config.read(fileWith(key, value)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "activation_function|\"relu\"",
        "activation_function|\"gelu\"",
        "scale_attn_by_inverse_layer_idx|true",
        "reorder_and_upcast_attn|true",
        "scale_attn_weights|false",
        "add_cross_attention|true",
        "tie_word_embeddings|false",
        "model_type|\"llama\"",
        "pruned_heads|{\"0\":[1]}",
        "quantization_config|{\"bits\":4}",
      })
  void anotherArithmeticIsNotSupported(String key, String value) throws IOException {
    Path file = fileWith(key, value);
    UnsupportedFeatureException e =
        assertThrows(UnsupportedFeatureException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-11", "/" + key, key, value.replaceAll("[{\"].*[}]|\"", ""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "n_layer|0",
        "n_layer|-1",
        "n_layer|1e9",
        "n_layer|2.0",
        "n_layer|\"3\"",
        "n_layer|true",
        "n_layer|null",
        "n_layer|[3]",
        "n_layer|-99999999999999999999999",
        "n_embd|0",
        "n_head|0",
        "n_inner|0",
        "vocab_size|-5",
        "n_positions|0",
        "layer_norm_epsilon|0",
        "layer_norm_epsilon|-1e-5",
        "layer_norm_epsilon|1e999",
        "layer_norm_epsilon|\"small\"",
      })
  void impossibleSizesAreRefused(String key, String value) throws IOException {
    Path file = fileWith(key, value);
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-06", "/" + key, key, value.replaceAll("\"|^\\[.*", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "n_layer,2147483647",
    "n_layer,99999999999999999999999",
    "n_embd,2147483647",
    "n_inner,2147483647",
    "vocab_size,2147483647",
    "n_positions,1048577",
  })
  void absurdSizesAreRefusedBeforeAnythingIsAllocated(String key, String value) throws IOException {
    Path file = fileWith(key, value);
    LimitExceededException e =
        assertThrows(LimitExceededException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-06", "/" + key, key);
  }

  @Test
  void sizesAbsurdOnlyTogetherAreRefused() throws IOException {
    ModelFolder model = new ModelFolder();
    model.config.put("vocab_size", Integer.toString(Gpt2Config.MAX_VOCAB_SIZE));
    model.config.put("n_embd", Integer.toString(Gpt2Config.MAX_EMBD));
    Path file = model.write(folder).resolve("config.json");
    LimitExceededException e =
        assertThrows(LimitExceededException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-06", "", "2147483639");
  }

  @ParameterizedTest
  @ValueSource(strings = {"vocab_size", "n_positions", "n_embd", "n_layer", "n_head"})
  void everySizeMustBeThere(String key) throws IOException {
    ModelFolder model = new ModelFolder();
    model.config.remove(key);
    Path file = model.write(folder).resolve("config.json");
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-06", "/" + key, key, "nothing");
  }

  @Test
  void headsMustDivideTheChannels() throws IOException {
    Path file = fileWith("n_head", "3");
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-07", "/n_head", "n_embd 4", "n_head 3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "null",
        "{",
        "{}{}",
        "{} x",
        "{'n_head': 2}",
        "{\"n_head\": 2,}",
        "{\"n_head\": 2, \"n_head\": 2}",
        "{\"a\": {\"b\": [1}}",
        "{\"a\": {\"b\": [",
      })
  void malformedJsonIsRefused(String json) throws IOException {
    Path file = file(json);
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertEquals("MX-14", e.code());
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() throws IOException {
    Path file = folder.resolve("config.json");
    Files.write(file, "{\"n_h\u00e4\": 2}".getBytes(StandardCharsets.ISO_8859_1));
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertEquals("MX-14", e.code());
  }

  @Test
  void everyFlippedBitIsReadOrRefusedInWords() throws IOException {
    Path file = new ModelFolder().write(folder).resolve("config.json");
    byte[] valid = Files.readAllBytes(file);
    for (int at = 0; at < valid.length; at++) {
      for (int bit = 0; bit < 8; bit++) {
        byte[] changed = valid.clone();
        changed[at] ^= (byte) (1 << bit);
        Files.write(file, changed);
        try {
          Gpt2Config.read(file);
        } catch (BadFileException e) {
          assertTrue(e.getMessage().contains("config.json"), e.getMessage());
        }
      }
    }
  }

  @Test
  void bytesThatAreNoTextAtAllAreRefused() throws IOException {
    Path file = folder.resolve("config.json");
    Files.write(file, new byte[] {0, 0, '{', 0, 0, 0, '}', 0});
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertEquals("MX-14", e.code());
  }

  @Test
  void duplicateKeyIsNamedWithItsPlace() throws IOException {
    Path file = file("{\n\"n_head\": 2,\n\"n_head\": 2}");
    ModelConfigFormatException e =
        assertThrows(ModelConfigFormatException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-14", "/n_head line 3 column 9", "n_head");
  }

  @Test
  void depthBombIsRefused() throws IOException {
    Path file = file("{\"a\":" + "[".repeat(100_000));
    LimitExceededException e =
        assertThrows(LimitExceededException.class, () -> Gpt2Config.read(file));
    assertEquals("MX-14", e.code());
  }

  @Test
  void largeFileIsRefusedUnread() throws IOException {
    Path file = file(" ".repeat(ConfigJson.MAX_BYTES + 1));
    LimitExceededException e =
        assertThrows(LimitExceededException.class, () -> Gpt2Config.read(file));
    assertNames(e, "MX-14", "", "1048576", "1048577");
  }

  @Test
  void folderInPlaceOfTheFileIsNoFile() {
    assertThrows(NoSuchFileException.class, () -> Gpt2Config.read(folder));
    assertThrows(NoSuchFileException.class, () -> Gpt2Config.read(folder.resolve("none")));
  }

  @ParameterizedTest
  @ValueSource(ints = {11, 50257})
  void whatIsWrittenIsReadBack(int vocabulary) throws IOException {
    Gpt2Config config = new Gpt2Config(vocabulary, 7, 6, 5, 3, 13, 1.5e-6f);
    assertEquals(config, Gpt2Config.read(file(config.toJson())));
  }

  @Test
  void publishedModelsHaveThePublishedCounts() {
    assertEquals(124_439_808, Gpt2Config.small().parameterCount());
    assertEquals(354_823_168, Gpt2Config.medium().parameterCount());
    assertEquals(774_030_080, Gpt2Config.large().parameterCount());
    assertEquals(1_557_611_200, Gpt2Config.xl().parameterCount());
  }

  @Test
  void impossibleSizesAreACallersMistakeInCode() {
    assertThrows(IllegalArgumentException.class, () -> new Gpt2Config(0, 6, 4, 3, 2, 16, 1e-5f));
    assertThrows(IllegalArgumentException.class, () -> new Gpt2Config(11, 6, 4, 3, 3, 16, 1e-5f));
    assertThrows(
        IllegalArgumentException.class, () -> new Gpt2Config(11, 6, 4, 3, 2, 16, Float.NaN));
  }

  private static void assertNames(
      BadFileException e, String code, String location, String... parts) {
    assertEquals(code, e.code(), e.getMessage());
    assertEquals(location, e.location(), e.getMessage());
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }
}
