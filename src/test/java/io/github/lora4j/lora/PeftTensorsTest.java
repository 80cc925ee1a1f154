package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the tensors of PEFT are called and hold, and which are refused. */
class PeftTensorsTest {

  private static final String H = "base_model.model.transformer.h.0.attn.c_attn";
  private static final String C_ATTN = "h.0.attn.c_attn";

  @TempDir private Path folder;

  /** A writer of tensors whose elements are 1, 2, 3 and so on. */
  private final SafetensorsWriter writer = new SafetensorsWriter();

  private void add(String name, long... shape) {
    int size = 1;
    for (long dim : shape) {
      size *= (int) dim;
    }
    writer.floats(name, counting(size), shape);
  }

  private static float[] counting(int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = i + 1;
    }
    return values;
  }

  private PeftTensors read() throws IOException {
    writer.write(folder.resolve("adapter_model.safetensors"));
    return PeftTensors.read(folder);
  }

  private <E extends BadFileException> String refused(Class<E> type, String code) {
    E e = assertThrows(type, this::read);
    assertEquals(code, e.code(), e.getMessage());
    assertTrue(e.getMessage().startsWith(folder.toString()), e.getMessage());
    return e.getMessage();
  }

  // --- what PEFT wrote ---------------------------------------------------------------------------

  static Stream<Path> adapters() throws IOException {
    return Files.list(Fixtures.folder().resolve("adapters")).filter(Files::isDirectory).sorted();
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void everyTensorOfPeftIsFound(Path adapter) throws IOException {
    SafetensorsFile file = SafetensorsFile.open(adapter.resolve("adapter_model.safetensors"));
    PeftTensors tensors = PeftTensors.read(adapter);
    assertEquals(List.of(), tensors.notUnderstood());
    int found = 0;
    for (Map.Entry<String, PeftTensors.Module> entry : tensors.modules().entrySet()) {
      PeftTensors.Module module = entry.getValue();
      String name =
          entry.getKey().startsWith("h.")
              ? "base_model.model.transformer." + entry.getKey()
              : "base_model.model." + entry.getKey();
      Map<String, Tensor> parts = new TreeMap<>();
      put(parts, name + ".lora_A.weight", module.loraA());
      put(parts, name + ".lora_B.weight", module.loraB());
      put(parts, name + ".lora_magnitude_vector", module.magnitude());
      put(parts, name + ".base_layer.bias", module.bias());
      put(parts, name + ".weight", module.weight());
      for (Map.Entry<String, Tensor> part : parts.entrySet()) {
        TensorInfo info = file.tensors().get(part.getKey());
        assertNotNull(info, part.getKey());
        assertEquals(
            Shape.of(info.shape().stream().mapToInt(Long::intValue).toArray()),
            part.getValue().shape());
        assertArrayEquals(file.readFloats(part.getKey()), part.getValue().data());
        found++;
      }
    }
    assertEquals(file.tensors().size(), found);
  }

  private static void put(Map<String, Tensor> parts, String name, Tensor tensor) {
    if (tensor != null) {
      parts.put(name, tensor);
    }
  }

  @Test
  void theAdaptersOfPeftHoldTheirParts() throws IOException {
    Path adapters = Fixtures.folder().resolve("adapters");
    PeftTensors dora = PeftTensors.read(adapters.resolve("dora"));
    assertEquals(12, dora.modules().size());
    assertEquals(Shape.of(192), dora.modules().get("h.2.mlp.c_fc").magnitude().shape());
    PeftTensors biased = PeftTensors.read(adapters.resolve("bias-lora_only"));
    assertEquals(Shape.of(144), biased.modules().get("h.1.attn.c_attn").bias().shape());
    assertNull(biased.modules().get("h.1.attn.c_attn").magnitude());
    PeftTensors headed = PeftTensors.read(adapters.resolve("seq-cls"));
    assertEquals(Shape.of(3, 48), headed.modules().get("score").weight().shape());
    assertNull(headed.modules().get("score").loraA());
    assertEquals(13, headed.modules().size());
    PeftTensors one = PeftTensors.read(adapters.resolve("layers-1"));
    assertEquals(Set.of("h.1.attn.c_attn"), one.modules().keySet());
  }

  // --- names -------------------------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(
      strings = {
        "base_model.model.transformer.h.0.attn.c_attn",
        "base_model.model.h.0.attn.c_attn",
        "transformer.h.0.attn.c_attn",
        "h.0.attn.c_attn"
      })
  void bothBeginningsMayBeMissing(String name) throws IOException {
    for (String adapter : List.of("", ".default")) {
      SafetensorsWriter one = new SafetensorsWriter();
      one.floats(name + ".lora_A" + adapter + ".weight", counting(6), 2, 3);
      one.floats(name + ".lora_B" + adapter + ".weight", counting(8), 4, 2);
      one.write(folder.resolve("adapter_model.safetensors"));
      PeftTensors tensors = PeftTensors.read(folder);
      assertEquals(Set.of(C_ATTN), tensors.modules().keySet());
      assertEquals(List.of(), tensors.notUnderstood());
      PeftTensors.Module module = tensors.modules().get(C_ATTN);
      assertEquals(Shape.of(2, 3), module.loraA().shape());
      assertEquals(Shape.of(4, 2), module.loraB().shape());
      assertArrayEquals(counting(6), module.loraA().data());
      assertArrayEquals(counting(8), module.loraB().data());
    }
  }

  @ParameterizedTest
  @CsvSource({
    H + ".lora_magnitude_vector, h.0.attn.c_attn, MAGNITUDE",
    H + ".lora_magnitude_vector.weight, h.0.attn.c_attn, MAGNITUDE",
    H + ".lora_magnitude_vector.default, h.0.attn.c_attn, MAGNITUDE",
    H + ".lora_magnitude_vector.default.weight, h.0.attn.c_attn, MAGNITUDE",
    H + ".base_layer.bias, h.0.attn.c_attn, BIAS",
    H + ".bias, h.0.attn.c_attn, BIAS",
    "base_model.model.transformer.h.0.ln_1.bias, h.0.ln_1, BIAS",
    "base_model.model.transformer.ln_f.weight, ln_f, WEIGHT",
    "base_model.model.score.weight, score, WEIGHT",
    "base_model.model.score.modules_to_save.default.weight, score, WEIGHT",
    "score.modules_to_save.default.bias, score, BIAS",
    "h.1.attn.modules_to_save.default.c_proj.weight, h.1.attn.c_proj, WEIGHT",
    "base_model.model.transformer.wte.lora_embedding_A, wte, EMBEDDING",
    "base_model.model.transformer.wte.lora_embedding_B.default, wte, EMBEDDING",
    "base_model.model.model.layers.0.q_proj.lora_A.weight, model.layers.0.q_proj, LORA_A"
  })
  void aNameIsTakenApart(String name, String module, PeftTensorName.Part part) {
    assertEquals(new PeftTensorName(module, part), PeftTensorName.parse(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        H + ".lora_A.adapter2.weight",
        H + ".lora_A.bias",
        H + ".lora_B.bias",
        H + ".lora_A",
        H + ".lora_magnitude_vector.adapter2",
        H + ".lora_magnitude_vector.adapter2.weight",
        H + ".base_layer.weight",
        "base_model.model.score.modules_to_save.adapter2.weight",
        "base_model.model.score.original_module.weight",
        "base_model.model..weight",
        "base_model.model.weight",
        ".lora_A.weight",
        "lora_A.weight",
        "weight",
        "a..b.weight",
        "",
        "prompt_embeddings"
      })
  void whatIsNotUnderstoodIsTold(String name) throws IOException {
    assertNull(PeftTensorName.parse(name));
    add("base_model.model.score.weight", 2, 3);
    if (!name.isEmpty()) {
      add(name, 2);
      PeftTensors tensors = read();
      assertEquals(List.of(name), tensors.notUnderstood());
      assertEquals(Set.of("score"), tensors.modules().keySet());
    }
  }

  @Test
  void aTensorThatIsNotUnderstoodIsNotRead() throws IOException {
    writer.longs("step", new int[] {7}, 1).allowNonFinite();
    writer.floats("extra", new float[] {Float.NaN}, 1);
    assertEquals(Set.of("step", "extra"), Set.copyOf(read().notUnderstood()));
  }

  @Test
  void masksThatOlderReleasesKeepAsABiasAreNone() throws IOException {
    add("base_model.model.transformer.h.0.attn.bias", 1, 1, 4, 4);
    add("base_model.model.transformer.h.0.attn.masked_bias");
    add(H + ".bias", 12);
    PeftTensors tensors = read();
    assertEquals(Set.of(C_ATTN), tensors.modules().keySet());
    assertEquals(Shape.of(12), tensors.modules().get(C_ATTN).bias().shape());
    assertEquals(List.of(), tensors.notUnderstood());
  }

  @Test
  void twoNamesForOneTensorAreRefused() {
    add(H + ".lora_A.weight", 2, 3);
    add(H + ".lora_B.weight", 4, 2);
    add(H + ".lora_A.default.weight", 2, 3);
    String message = refused(AdapterFormatException.class, "AD-10");
    assertTrue(message.contains(H + ".lora_A.weight"), message);
    assertTrue(message.contains(H + ".lora_A.default.weight"), message);
  }

  @Test
  void branchesBesideEmbeddingsAreRefusedByName() {
    add("base_model.model.transformer.wte.lora_embedding_A", 2, 9);
    add("base_model.model.transformer.wte.lora_embedding_B", 3, 2);
    String message = refused(UnsupportedFeatureException.class, "AD-11");
    assertTrue(message.contains("transformer.wte.lora_embedding_A, base"), message);
    assertTrue(message.contains("transformer.wte.lora_embedding_B"), message);
  }

  // --- AD-04, shapes -----------------------------------------------------------------------------

  @Test
  void anotherRankInBThanInAIsRefused() {
    add(H + ".lora_A.weight", 2, 3);
    add(H + ".lora_B.weight", 4, 3);
    String message = refused(MismatchException.class, "AD-04");
    assertTrue(message.contains("(out, 2) beside A of shape (2, 3)"), message);
    assertTrue(message.contains("got (4, 3) [" + H + ".lora_B.weight"), message);
  }

  @ParameterizedTest
  @CsvSource({
    "lora_A.weight, 6, ''",
    "lora_A.weight, '2,3,1', ''",
    "lora_A.weight, '0,3', ''",
    "lora_A.weight, '0,5000000000', ''",
    "lora_magnitude_vector, '4,1', ''",
    "base_layer.bias, '', 'a shape of 1 sizes'",
    "weight, '1,2,3', 'a shape of 1 or 2 sizes'"
  })
  void anImpossibleShapeIsRefused(String end, String dims, String said) {
    long[] shape =
        dims.isEmpty()
            ? new long[0]
            : Stream.of(dims.split(",")).mapToLong(Long::parseLong).toArray();
    add(H + "." + end, shape);
    for (String other : List.of("lora_A.weight", "lora_B.weight")) {
      if (!other.equals(end)) {
        add(H + "." + other, 2, 2);
      }
    }
    String message = refused(AdapterFormatException.class, "AD-04");
    assertTrue(message.contains(said) && message.contains(H + "." + end), message);
  }

  // --- AD-05 -------------------------------------------------------------------------------------

  @Test
  void allTensorsThatAreMissingAreNamed() {
    add(H + ".lora_A.weight", 2, 3);
    add("transformer.h.1.attn.c_attn.lora_B.default.weight", 4, 2);
    add("h.2.attn.c_attn.lora_magnitude_vector", 4);
    add("h.3.attn.c_attn.lora_A.weight", 2, 3);
    add("h.3.attn.c_attn.lora_B.weight", 4, 2);
    String message = refused(AdapterFormatException.class, "AD-05");
    for (String missing :
        List.of(
            H + ".lora_B.weight",
            "transformer.h.1.attn.c_attn.lora_A.default.weight",
            "h.2.attn.c_attn.lora_A.weight",
            "h.2.attn.c_attn.lora_B.weight")) {
      assertTrue(message.contains(missing), message);
    }
    assertFalse(message.contains("h.3"), message);
  }

  // --- AD-16 -------------------------------------------------------------------------------------

  @Test
  void halvesBecomeFloatsExactly() throws IOException {
    float[] values = {1, -0.0f, 65504, 0x1p-24f, 1.0009765625f, -2.5f};
    writer.halves(H + ".lora_A.weight", values, 2, 3);
    writer.halves(H + ".lora_B.weight", values, 3, 2);
    PeftTensors.Module module = read().modules().get(C_ATTN);
    assertArrayEquals(bits(values), bits(module.loraA().data()));
    assertArrayEquals(bits(values), bits(module.loraB().data()));
  }

  @Test
  void bfloatsBecomeFloatsExactly() throws IOException {
    short[] upperHalves = {0x3f80, (short) 0x8000, 0x7f7f, 0x0001};
    String header =
        "{\"score.weight\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]}}";
    ByteBuffer bytes = ByteBuffer.allocate(16 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
    int[] expected = new int[4];
    for (int i = 0; i < 4; i++) {
      bytes.putShort(upperHalves[i]);
      expected[i] = upperHalves[i] << 16;
    }
    Files.write(folder.resolve("adapter_model.safetensors"), bytes.array());
    Tensor weight = PeftTensors.read(folder).modules().get("score").weight();
    assertArrayEquals(expected, bits(weight.data()));
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  @Test
  void integersAreRefused() {
    writer.longs(H + ".bias", new int[] {1, 2}, 2);
    assertThrows(UnsupportedFeatureException.class, this::read);
  }

  // --- AD-17 -------------------------------------------------------------------------------------

  @Test
  void whatIsNotFiniteIsRefusedWithItsNumber() {
    add(H + ".lora_A.weight", 2, 3);
    writer.allowNonFinite();
    float[] values = counting(8);
    values[2] = Float.NaN;
    values[5] = Float.POSITIVE_INFINITY;
    values[7] = Float.NEGATIVE_INFINITY;
    writer.floats(H + ".lora_B.weight", values, 4, 2);
    NonFiniteException e = assertThrows(NonFiniteException.class, this::read);
    assertEquals("AD-17", e.code());
    assertEquals(H + ".lora_B.weight", e.location());
    assertTrue(e.getMessage().contains("got 3 of 8"), e.getMessage());
  }
}
