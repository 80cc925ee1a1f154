package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.lora.SmallModels.Classifier;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a damaged or foreign folder says. */
class AdapterFaultsTest {

  @TempDir private Path folder;
  private Path manifest;

  @BeforeEach
  void save() throws IOException {
    Classifier model = new Classifier(1, false, 5);
    Lora.replaceLinearWithLora(model, 2, 2f);
    AdapterFile.save(model, AdapterMetadata.of(TaskType.SEQ_CLS), folder);
    manifest = folder.resolve("lora4j.json");
  }

  static List<Arguments> damages() {
    return List.of(
        Arguments.of("AD-01", "\"lora4j adapter\"", "\"mlx adapter\"", "got \"mlx adapter\""),
        Arguments.of("AD-01", "\"version\": 1", "\"version\": 0", "/version"),
        Arguments.of("AD-01", "\"version\": 1", "\"version\": 7", "newer lora4j"),
        Arguments.of("AD-01", "\"version\": 1", "\"version\": 1, \"version\": 1", "Duplicate"),
        Arguments.of("AD-11", "SEQ_CLS", "TOKEN_CLS", "'TOKEN_CLS'"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 0", "got 0"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": -4", "got -4"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 2147483648", "got 2147483648"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 99999999999999999999", "/rank"),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": \"8\"", "got \"8\""),
        Arguments.of("AD-03", "\"rank\": 2", "\"rank\": 1.5", "got 1.5"),
        Arguments.of("AD-03", "\"rank\": 2", "\"ranks\": 2", "got none"),
        Arguments.of("AD-04", "\"rank\": 2", "\"rank\": 3", "shape [4, 3] expected, got [4, 2]"),
        Arguments.of("AD-14", "\"alpha\": 2.0", "\"alpha\": NaN", "JSON expected"),
        Arguments.of("AD-14", "\"alpha\": 2.0", "\"alpha\": 1e99", "a finite number"),
        Arguments.of("AD-14", "\"alpha\": 2.0", "\"alpha\": -0.5", "at least 0 expected, got -0.5"),
        Arguments.of("AD-14", "\"alpha\": 2.0", "\"alpha\": \"16\"", "got \"16\""),
        Arguments.of("AD-01", "\"dropout\": 0.0", "\"dropout\": 1", "a probability"),
        Arguments.of("AD-01", "\"labels\": []", "\"labels\": [1]", "a list of strings"),
        Arguments.of("AD-01", "\"facts\": {}", "\"facts\": {\"a/b\": 1}", "/facts/a~1b"),
        Arguments.of("AD-01", "\"facts\": {}", "\"facts\": []", "an object expected, got a list"),
        Arguments.of("AD-01", "\"facts\": {}", "\"facts\": {", "JSON expected"),
        Arguments.of("AD-01", "\"facts\": {}", "\"facts\": " + "[".repeat(5000), "JSON expected"),
        Arguments.of("AD-21", "lora4j.safetensors\": \"", "lora4j.safetensors\": \"0", "SHA-256"),
        Arguments.of("AD-21", "lora4j.safetensors", "lora4j.s", "SHA-256 none"),
        Arguments.of("AD-10", "attn.c_proj\": {", "attn.c_pr\\u001boj\": {", "c_pr\\u001boj"));
  }

  @ParameterizedTest
  @MethodSource("damages")
  void aDamagedManifestIsRefused(String code, String words, String damage, String said)
      throws IOException {
    String text = Files.readString(manifest);
    assertTrue(text.contains(words), text);
    Files.writeString(manifest, text.replace(words, damage));
    BadFileException e = refused();
    assertTrue(e.getMessage().contains(said), e.getMessage());
    boolean isSyntax = said.equals("JSON expected");
    boolean isMissing = code.equals("AD-10");
    assertEquals(isSyntax ? "AD-01" : isMissing ? "AD-06" : code, e.code());
  }

  @Test
  void whatIsNoJsonObjectIsRefused() throws IOException {
    for (String text :
        List.of("", "[]", "{} {}", "{}", "null", "{\"a\"", "\ufeff", "{\"a\":\"\ud800")) {
      Files.writeString(manifest, text.replace("\ud800", ""), StandardCharsets.UTF_8);
      assertEquals("AD-01", refused().code(), text);
    }
    Files.write(manifest, new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'});
    assertEquals("AD-01", refused().code());
  }

  @Test
  void aHugeManifestIsRefused() throws IOException {
    Files.write(manifest, new byte[Json.MAX_BYTES + 1]);
    assertInstanceOf(LimitExceededException.class, refused());
  }

  @Test
  void filesOfPeftAloneAreLoaded() throws IOException {
    Files.delete(manifest);
    Classifier model = new Classifier(1, false, 0);
    AdapterFile.load(model, folder);
    assertTrue(model.namedParameters().keySet().stream().anyMatch(name -> name.endsWith("lora.A")));
  }

  @Test
  void aMissingTensorFileIsRefused() throws IOException {
    Files.delete(folder.resolve("lora4j.safetensors"));
    assertEquals("AD-21", refused().code());
  }

  private BadFileException refused() {
    Classifier model = new Classifier(1, false, 0);
    String before = model.toString();
    BadFileException e =
        assertThrows(BadFileException.class, () -> AdapterFile.load(model, folder));
    assertEquals(before, model.toString());
    assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
    return e;
  }
}
