package io.github.lora4j.safetensors;

import static io.github.lora4j.safetensors.FileBytes.entry;
import static io.github.lora4j.safetensors.FileBytes.file;
import static io.github.lora4j.safetensors.FileBytes.hex;
import static io.github.lora4j.safetensors.FileBytes.open;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertThrowsExactly;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.BadFileException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a good file gives, and what is refused only when a tensor is read. */
class SafetensorsFileTest {

  private static final Path FIXTURES = Path.of("src/test/resources/fixtures");

  @TempDir Path folder;

  private SafetensorsFile openTensor(String dtype, String shape, byte[] data) throws IOException {
    String header = "{" + entry("w", dtype, shape, "[0," + data.length + "]") + "}";
    return open(folder, file(header.getBytes(StandardCharsets.UTF_8), data));
  }

  @Test
  void tensorsAreListedInTheOrderOfTheirDataAndReadByName() throws Exception {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + entry("b", "F32", "[1,2]", "[4,12]")
            + ","
            + entry("a", "F32", "[1]", "[0,4]")
            + "}";
    byte[] data = hex("0000803f 00000040 00004040");
    SafetensorsFile file = open(folder, file(header.getBytes(StandardCharsets.UTF_8), data));
    assertEquals("pt", file.metadata().get("format"));
    assertEquals(List.of("a", "b"), List.copyOf(file.names()));
    assertEquals(new TensorInfo("b", DType.F32, List.of(1L, 2L), 4, 12), file.tensors().get("b"));
    assertEquals(folder.resolve("model.safetensors").toString(), file.path("a"));
    assertArrayEquals(new float[] {1}, file.readFloats("a"));
    float[] target = {9, 9, 9, 9};
    file.readFloats("b", target, 1);
    assertArrayEquals(new float[] {9, 2, 3, 9}, target);
    assertEquals(List.of(), file.warnings());
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("c"));
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("b", target, 3));
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("b", target, -1));
  }

  /** ST-14. */
  @ParameterizedTest
  @ValueSource(strings = {"{}", "\t\n{}\r ", "{}\r \t\n", "{\"__metadata__\":{}}"})
  void blanksAroundTheHeaderAndNoTensorsAreFine(String header) throws Exception {
    assertEquals(Map.of(), open(folder, file(header, 0)).tensors());
  }

  /** ST-20. */
  @Test
  void unknownFieldsAreIgnoredWithOneWarning() throws Exception {
    String header =
        "{\"w\":{\"foo\":{\"x\":[1]},\"dtype\":\"U8\",\"bar\":1,\"shape\":[0],\"data_offsets\":[0,0]}}";
    SafetensorsFile file = open(folder, file(header, 0));
    assertEquals(1, file.names().size());
    assertEquals(1, file.warnings().size());
    assertTrue(
        file.warnings().get(0).endsWith("foo of tensor w and 1 more"), file.warnings().get(0));
  }

  /** ST-22. */
  @ParameterizedTest
  @EnumSource(DType.class)
  void everyKnownTypeOpensAndOnlyUsableOnesAreRead(DType dtype) throws Exception {
    SafetensorsFile file = openTensor(dtype.name(), "[8]", new byte[dtype.bits()]);
    assertEquals(dtype, file.tensors().get("w").dtype());
    if (dtype.isFloat()) {
      assertArrayEquals(new float[8], file.readFloats("w"));
    } else {
      var e = assertThrowsExactly(UnsupportedFeatureException.class, () -> file.readFloats("w"));
      assertEquals("ST-22", e.code());
      assertTrue(
          e.getMessage().contains("got " + dtype) && e.location().equals("tensor w"),
          e.getMessage());
    }
    if (dtype.isInt()) {
      assertArrayEquals(new int[8], file.readInts("w"));
    } else {
      assertThrowsExactly(UnsupportedFeatureException.class, () -> file.readInts("w"));
    }
  }

  @Test
  void integersAreReadWithARangeCheck() throws Exception {
    byte[] small = hex("51c4000000000000 9cffffffffffffff ffffff7f00000000");
    assertArrayEquals(
        new int[] {50257, -100, Integer.MAX_VALUE}, openTensor("I64", "[3]", small).readInts("w"));
    assertArrayEquals(
        new int[] {50257, -100}, openTensor("I32", "[2]", hex("51c40000 9cffffff")).readInts("w"));
    SafetensorsFile large = openTensor("I64", "[2]", hex("0100000000000000 0000008000000000"));
    var e = assertThrowsExactly(UnsupportedFeatureException.class, () -> large.readInts("w"));
    assertTrue(e.getMessage().contains("2147483648 at index 1"), e.getMessage());
  }

  /** ST-34. */
  @Test
  void scalarsAndEmptyTensorsAreFine() throws Exception {
    String header =
        "{"
            + entry("none", "F32", "[2,0]", "[0,0]")
            + ","
            + entry("one", "F32", "[]", "[0,4]")
            + ","
            + entry("last", "I32", "[0]", "[4, 4]")
            + "}";
    SafetensorsFile file =
        open(folder, file(header.getBytes(StandardCharsets.UTF_8), hex("0000803f")));
    assertArrayEquals(new float[0], file.readFloats("none"));
    assertArrayEquals(new float[] {1}, file.readFloats("one"));
    assertArrayEquals(new int[0], file.readInts("last"));
    assertEquals(1, file.tensors().get("one").elements());
    assertEquals(0, file.tensors().get("none").elements());
  }

  /** ST-35. */
  @Test
  void aHeaderOfAnyLengthLeavesTheNumbersRight() throws Exception {
    for (int blanks = 0; blanks < 8; blanks++) {
      String header = "{" + entry("w", "F32", "[2]", "[0,8]") + "}" + " ".repeat(blanks);
      byte[] bytes = file(header.getBytes(StandardCharsets.UTF_8), hex("0000803f 000000c0"));
      assertArrayEquals(new float[] {1, -2}, open(folder, bytes).readFloats("w"));
    }
  }

  /**
   * ST-42; the digests are those of numpy's (F16) and PyTorch's (BF16) conversion of all bit
   * patterns.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "F16 f4fdd084f85448d28c84f20fabf4022ba938e40b7f382d2727dec6f41ac6267a",
        "BF16 9207d7eb28680a098c73dbe536d1ff7b94311dc417b9a385e0af6660683e93ca"
      })
  void allBitPatternsWidenAsInNumpyAndPyTorch(String typeAndDigest) throws Exception {
    String[] parts = typeAndDigest.split(" ");
    ByteBuffer patterns = ByteBuffer.allocate(2 * 65536).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 65536; i++) {
      patterns.putShort((short) i);
    }
    float[] widened = openTensor(parts[0], "[256,256]", patterns.array()).readFloats("w");
    ByteBuffer bits = ByteBuffer.allocate(4 * 65536).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : widened) {
      bits.putInt(Float.floatToRawIntBits(value));
    }
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(bits.array());
    assertEquals(parts[1], HexFormat.of().formatHex(digest));
    if (parts[0].equals("BF16")) {
      for (int i = 0; i < 65536; i++) {
        assertEquals(i << 16, Float.floatToRawIntBits(widened[i]));
      }
    }
  }

  /** More than one block of 1 MiB, with a rest, for every width. */
  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16", "I32", "I64"})
  void largeTensorsAreReadAcrossBlocks(String type) throws Exception {
    DType dtype = DType.valueOf(type);
    int elements = 2 * (1 << 20) / (dtype.bits() / 8) + 3;
    ByteBuffer data =
        ByteBuffer.allocate(elements * dtype.bits() / 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      int value = i % 251; // exact in all five types
      switch (dtype) {
        case F32 -> data.putFloat(value);
        case F16 -> data.putShort(Float16.fromFloat(value));
        case BF16 -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
        case I32 -> data.putInt(value);
        default -> data.putLong(value);
      }
    }
    SafetensorsFile file = openTensor(type, "[" + elements + "]", data.array());
    if (dtype.isInt()) {
      int[] values = file.readInts("w");
      for (int i = 0; i < elements; i++) {
        assertEquals(i % 251, values[i]);
      }
    } else {
      float[] values = file.readFloats("w");
      for (int i = 0; i < elements; i++) {
        assertEquals(i % 251, values[i]);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16"})
  void anyRangeOfATensorIsRead(String type) throws Exception {
    DType dtype = DType.valueOf(type);
    int elements = 700_001;
    ByteBuffer data =
        ByteBuffer.allocate(elements * dtype.bits() / 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i++) {
      switch (dtype) {
        case F32 -> data.putFloat(i % 251);
        case F16 -> data.putShort(Float16.fromFloat(i % 251));
        default -> data.putShort((short) (Float.floatToRawIntBits(i % 251) >>> 16));
      }
    }
    SafetensorsFile file = openTensor(type, "[" + elements + "]", data.array());
    int[][] ranges = {{0, 1}, {5, 0}, {elements, 0}, {elements - 3, 3}, {17, 600_000}};
    for (int[] range : ranges) {
      float[] target = new float[range[1] + 2];
      target[0] = -1;
      target[range[1] + 1] = -2;
      file.readFiniteFloats("w", range[0], range[1], target, 1);
      for (int i = 0; i < range[1]; i++) {
        assertEquals((range[0] + i) % 251, target[i + 1]);
      }
      assertEquals(-1, target[0]);
      assertEquals(-2, target[range[1] + 1]);
    }
    float[] target = new float[8];
    for (long[] wrong :
        new long[][] {{-1, 1}, {0, -1}, {elements, 1}, {elements - 3, 4}, {Long.MAX_VALUE, 2}}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> file.readFloats("w", wrong[0], (int) wrong[1], target, 0));
    }
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("w", 0, 8, target, 1));
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("w", 0, 8, target, -1));
  }

  /** ST-39: whichever part was read, the message speaks of the whole tensor. */
  @Test
  void notFiniteNumbersOfARangeAreCountedInTheWholeTensor() throws Exception {
    SafetensorsFile file =
        openTensor("F32", "[6]", hex("0000803f 0000c07f 00000000 0000807f 000080ff 0000803f"));
    float[] target = new float[3];
    file.readFiniteFloats("w", 5, 1, target, 0);
    file.readFiniteFloats("w", 2, 1, target, 2);
    var e =
        assertThrowsExactly(
            NonFiniteException.class, () -> file.readFiniteFloats("w", 4, 2, target, 1));
    assertEquals("ST-39", e.code());
    assertTrue(
        e.getMessage().contains("3 of 6") && e.getMessage().contains("NaN, at index 1 "),
        e.getMessage());
  }

  @Test
  void everyPlaceOfANumberThatIsNotFiniteIsNoticed() {
    for (float number : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      for (int length = 1; length < 11; length++) {
        for (int place = 0; place < length; place++) {
          float[] values = new float[length + 2];
          Arrays.fill(values, -Float.MAX_VALUE);
          values[0] = number; // outside
          values[length + 1] = number;
          assertTrue(Finite.all(values, 1, length));
          values[1 + place] = number;
          assertFalse(Finite.all(values, 1, length));
        }
      }
    }
  }

  /** ST-39. */
  @Test
  void notFiniteNumbersPassUnlessFiniteOnesAreAskedFor() throws Exception {
    SafetensorsFile file = openTensor("F32", "[4]", hex("0000803f 0000c07f 00000000 0000807f"));
    assertArrayEquals(new float[] {1, Float.NaN, 0, Float.POSITIVE_INFINITY}, file.readFloats("w"));
    var e = assertThrowsExactly(NonFiniteException.class, () -> file.readFiniteFloats("w"));
    assertEquals("ST-39", e.code());
    assertEquals("tensor w", e.location());
    assertTrue(
        e.getMessage().contains("2 of 4") && e.getMessage().contains("index 1"), e.getMessage());
    assertArrayEquals(
        new float[] {1}, openTensor("F32", "[1]", hex("0000803f")).readFiniteFloats("w"));
  }

  /** ST-38. */
  @Test
  void hostileNamesOpenAndAreEscapedInMessages() throws Exception {
    String longName = "n".repeat(1_000_000);
    List<String> names =
        List.of("a\nb", "\u001b[31mred", "nul\0", "../../x", longName, "", "\ud83d\ude00");
    StringBuilder header = new StringBuilder("{");
    for (String name : names) {
      String escaped =
          name.replace("\n", "\\n").replace("\u001b", "\\u001b").replace("\0", "\\u0000");
      header.append(header.length() > 1 ? "," : "").append(entry(escaped, "U8", "[0]", "[0,0]"));
    }
    SafetensorsFile file = open(folder, file(header.append("}").toString(), 0));
    for (String name : names) {
      assertEquals(name, file.tensors().get(name).name());
      var e = assertThrowsExactly(UnsupportedFeatureException.class, () -> file.readFloats(name));
      assertTrue(e.getMessage().length() < 1000);
      assertTrue(e.getMessage().chars().noneMatch(Character::isISOControl), e.getMessage());
    }
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  /** ST-40. */
  @Test
  void aFileThatShrinksOrGrowsAfterOpeningIsRefused() throws Exception {
    byte[] data = new byte[3 << 20];
    SafetensorsFile file = openTensor("F32", "[" + (data.length / 4) + "]", data);
    for (long change : new long[] {-1, 1}) {
      try (RandomAccessFile raw = new RandomAccessFile(new File(file.path("w")), "rw")) {
        raw.setLength(raw.length() + change);
      }
      var e = assertThrowsExactly(SafetensorsFormatException.class, () -> file.readFloats("w"));
      assertEquals("ST-40", e.code());
      try (RandomAccessFile raw = new RandomAccessFile(new File(file.path("w")), "rw")) {
        raw.setLength(raw.length() - change);
      }
    }
    assertEquals(data.length / 4, file.readFloats("w").length);
  }

  /** ST-40, as if the file had been cut after its size was checked. */
  @Test
  void theEndOfTheFileInTheMiddleOfATensorIsRefused() throws Exception {
    Path path = Files.write(folder.resolve("cut"), new byte[100]);
    TensorReader reader = new TensorReader(path, 100, 8);
    TensorInfo info = new TensorInfo("w", DType.F32, List.of(24L), 0, 96);
    var e = assertThrowsExactly(SafetensorsFormatException.class, () -> reader.readFloats(info));
    assertEquals("ST-40", e.code());
    assertTrue(e.getMessage().contains("at byte 100"), e.getMessage());
  }

  @Test
  void manyThreadsReadOneFileAtOnceAndAnInterruptDisturbsNobody() throws Exception {
    SafetensorsFile file = SafetensorsFile.open(FIXTURES.resolve("gpt2-tiny/model.safetensors"));
    float[] expected = file.readFloats("wte.weight");
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<float[]>> results = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        boolean interrupted = i % 7 == 0;
        results.add(
            threads.submit(
                () -> {
                  if (interrupted) {
                    Thread.currentThread().interrupt();
                  }
                  float[] read = file.readFloats("wte.weight");
                  assertEquals(interrupted, Thread.interrupted());
                  return read;
                }));
      }
      for (Future<float[]> result : results) {
        assertArrayEquals(expected, result.get());
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void everyFixtureWrittenByTheReferenceOpens() throws Exception {
    try (var paths = Files.walk(FIXTURES)) {
      List<Path> files = paths.filter(p -> p.toString().endsWith(".safetensors")).toList();
      assertFalse(files.isEmpty());
      for (Path path : files) {
        SafetensorsFile file = SafetensorsFile.open(path);
        assertFalse(file.tensors().isEmpty());
        for (TensorInfo info : file.tensors().values()) {
          if (info.dtype().isFloat()) {
            assertEquals(info.elements(), file.readFiniteFloats(info.name()).length);
          } else if (info.dtype().isInt()) {
            assertEquals(info.elements(), file.readInts(info.name()).length);
          }
        }
      }
    }
  }

  /** ST-44. */
  @Test
  void everyChangeOfOneByteIsReadOrRefusedInOrder() throws Exception {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + entry("h.0.attn.bias", "F32", "[2,2]", "[0,16]")
            + ","
            + entry("h.0.mlp.bias", "BF16", "[2]", "[16,20]")
            + ","
            + entry("ids", "I32", "[1]", "[20,24]")
            + "}";
    byte[] good = file(header, 24);
    assertTrue(good.length >= 200);
    int refused = 0;
    for (int place = 0; place < 200; place++) {
      for (int change = 1; change < 256; change++) {
        byte[] mutant = good.clone();
        mutant[place] ^= (byte) change;
        try {
          if (place >= 8) {
            HeaderReader.read("mutant", Arrays.copyOfRange(mutant, 8, good.length - 24), 24);
            if (Integer.bitCount(change) > 1) {
              continue; // a file for every one-bit change is enough
            }
          }
          SafetensorsFile file = open(folder, mutant);
          for (TensorInfo info : file.tensors().values()) {
            if (info.dtype().isInt()) {
              file.readInts(info.name());
            } else {
              file.readFloats(info.name());
            }
          }
        } catch (BadFileException e) {
          refused++;
        }
      }
    }
    assertTrue(refused > 100 * 255, "refused " + refused);
  }
}
