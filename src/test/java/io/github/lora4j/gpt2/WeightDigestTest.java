package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.github.lora4j.Fixtures;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each Linear knows what was in the file, whatever became of it in memory. */
class WeightDigestTest {

  /** Its wide weights are read in more than one piece. */
  private static final Gpt2Config LARGE = new Gpt2Config(50, 8, 384, 1, 2, 1536, 1e-5f);

  /** What Python computes from the bytes of {@code gpt2-tiny}. */
  private static final String TINY_C_FC =
      "059d7ab34413b31668c7920379c7d17e6c405c8f3f99800cb48dbf0de9709583";

  @TempDir private Path folder;

  /** Digests the elements of a published weight one by one. */
  private static String expected(SafetensorsFolder source, String name) throws IOException {
    String present = source.names().contains(name) ? name : "transformer." + name;
    float[] values = source.readFloats(present);
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putInt(Float.floatToRawIntBits(value));
    }
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** The digests of all Linear by published name; all that share a name have the same. */
  private static Map<String, String> digests(Gpt2 base) {
    Map<String, String> digests = new LinkedHashMap<>();
    for (Module module : base.languageModel().namedModules().values()) {
      if (module instanceof Linear linear && linear.origin() != null) {
        Origin origin = linear.origin();
        String other = digests.put(origin.name(), origin.sha256());
        assertEquals(other == null ? origin.sha256() : other, origin.sha256(), origin.name());
      }
    }
    return digests;
  }

  private static void assertDigests(Path model) throws IOException {
    SafetensorsFolder source = SafetensorsFolder.open(model);
    int blocks = Gpt2Config.read(model.resolve(Gpt2Config.FILE_NAME)).nLayer();
    for (LoadOptions options : allOptions()) {
      Map<String, String> digests = digests(Gpt2.load(model, options));
      assertEquals(4 * blocks, digests.size());
      for (Map.Entry<String, String> digest : digests.entrySet()) {
        String name = digest.getKey() + ".weight";
        assertEquals(expected(source, name), digest.getValue(), name + " with " + options);
      }
    }
  }

  static List<LoadOptions> allOptions() {
    List<LoadOptions> all = new ArrayList<>();
    for (QkvLayout layout : QkvLayout.values()) {
      for (WeightFormat format : WeightFormat.values()) {
        all.add(LoadOptions.DEFAULT.withLayout(layout).withFormat(format));
      }
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2-tiny", "gpt2-tiny-sharded-f16", "gpt2-tiny-sharded-bf16"})
  void eachDigestIsThatOfTheNumbersInTheFile(String fixture) throws IOException {
    assertDigests(Fixtures.folder().resolve(fixture));
  }

  @Test
  void weightsOfManyPiecesAreDigestedInOrder() throws IOException {
    Gpt2.initialize(LARGE, QkvLayout.FUSED, 1).save(folder, DType.F32);
    assertDigests(folder);
  }

  @Test
  void digestIsThatOfTheBytesOfAFloat32File() throws IOException {
    Path model = Fixtures.folder().resolve("gpt2-tiny");
    assertEquals(TINY_C_FC, digests(Gpt2.load(model)).get("h.1.mlp.c_fc"));
  }

  @ParameterizedTest
  @MethodSource("allOptions")
  void oneChangedElementShows(LoadOptions options) throws IOException {
    ModelFolder model = new ModelFolder();
    Map<String, String> before = digests(Gpt2.load(model.write(folder), options));
    float[] values = model.tensors.get("h.1.attn.c_attn.weight").values();
    values[values.length - 1] = Math.nextUp(values[values.length - 1]);
    Map<String, String> after = digests(Gpt2.load(model.write(folder), options));
    before.forEach(
        (name, digest) -> {
          if (name.equals("h.1.attn.c_attn")) {
            assertNotEquals(digest, after.get(name));
          } else {
            assertEquals(digest, after.get(name), name);
          }
        });
  }

  @Test
  void weightsFromNoFileHaveNone() {
    Gpt2 made = Gpt2.initialize(LARGE, QkvLayout.SPLIT, 1);
    digests(made).forEach((name, digest) -> assertNull(digest, name));
    assertEquals(4, digests(made).size());
  }
}
