package io.github.lora4j.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Our verdict against the reference reader's, on byte vectors that lie outside the project. */
@Tag("reference")
class ReferenceVectorsTest {

  @TempDir Path folder;

  private static List<Map<String, String>> vectors(Path file) throws IOException {
    List<Map<String, String>> vectors = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(Files.readString(file))) {
      assertEquals(JsonToken.START_ARRAY, json.nextToken());
      while (json.nextToken() == JsonToken.START_OBJECT) {
        Map<String, String> vector = new HashMap<>();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          vector.put(json.currentName(), json.nextTextValue());
        }
        vectors.add(vector);
      }
    }
    return vectors;
  }

  private String verdict(byte[] bytes) throws IOException {
    try {
      FileBytes.open(folder, bytes);
      return "ok";
    } catch (FormatException e) {
      return "refused";
    }
  }

  @Test
  void ourVerdictIsTheReferencesExceptOnDuplicateKeys() throws Exception {
    String data = System.getProperty("lora4j.data");
    assumeTrue(data != null, "-Dlora4j.data=<folder> is not given");
    List<Map<String, String>> vectors =
        vectors(Path.of(data, "checks", "safetensors-vectors.json"));
    assertTrue(vectors.size() >= 26);
    for (Map<String, String> vector : vectors) {
      String name = vector.get("name");
      boolean accepted = vector.get("wheel_0_8_0").equals("ok") && !name.equals("duplicate_key");
      assertEquals(accepted ? "ok" : "refused", verdict(FileBytes.hex(vector.get("hex"))), name);
    }
  }
}
