package io.github.lora4j.safetensors;

import static io.github.lora4j.safetensors.FileBytes.hex;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bytes that are written, and what is refused before a file appears. */
class SafetensorsWriterTest {

  @TempDir Path folder;

  private Path target() {
    return folder.resolve("model.safetensors");
  }

  private byte[] write(SafetensorsWriter writer) throws IOException {
    writer.write(target());
    return Files.readAllBytes(target());
  }

  private List<String> filesLeft() throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static String header(byte[] file) {
    return new String(file, 8, file[0] & 0xff | (file[1] & 0xff) << 8, StandardCharsets.UTF_8);
  }

  /** The bytes that the reference's own test of its writer expects. */
  @Test
  void oneTensorGivesTheReferenceWritersBytes() throws Exception {
    byte[] written =
        write(new SafetensorsWriter().floats("attn.0", new float[] {0, 1, 2, 3, 4, 5}, 1, 2, 3));
    assertArrayEquals(
        hex(
            "4000000000000000"
                + "7b226174746e2e30223a7b226474797065223a22463332222c227368617065223a5b312c322c335d2c"
                + "22646174615f6f666673657473223a5b302c32345d7d7d"
                + "000000000000803f0000004000004040000080400000a040"),
        written);
  }

  @Test
  void nothingGivesTheReferenceWritersBytes() throws Exception {
    assertArrayEquals(hex("0800000000000000 7b7d202020202020"), write(new SafetensorsWriter()));
    assertEquals(
        "{\"__metadata__\":{\"framework\":\"pt\"}}     ",
        header(write(new SafetensorsWriter().metadata("framework", "pt"))));
  }

  @Test
  void tensorsAreOrderedByTypeThenNameAndPaddedToEightBytes() throws Exception {
    float[] one = {1};
    byte[] written =
        write(
            new SafetensorsWriter()
                .halves("a", new float[] {2})
                .floats("\ud83d\ude00", one, 1) // after U+FFFD in UTF-8, before it in UTF-16
                .floats("\ufffd", one, 1)
                .longs("z", new int[] {-3}, 1, 1)
                .floats("b", one, 1)
                .metadata("k2", "\"\n")
                .metadata("k1", "v"));
    String header = header(written);
    assertEquals(0, header.getBytes(StandardCharsets.UTF_8).length % 8);
    assertEquals(
        "{\"__metadata__\":{\"k1\":\"v\",\"k2\":\"\\\"\\n\"},"
            + "\"z\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
            + "\"\ufffd\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
            + "\"\ud83d\ude00\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
            + "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[20,22]}}",
        header.stripTrailing());
    assertArrayEquals(
        hex("fdffffffffffffff 0000803f 0000803f 0000803f 0040"),
        Arrays.copyOfRange(written, written.length - 22, written.length));
  }

  @Test
  void theOrderOfAddingDoesNotMatter() throws Exception {
    byte[] first =
        write(new SafetensorsWriter().floats("a", new float[2], 2).floats("b", new float[1], 1));
    byte[] second =
        write(new SafetensorsWriter().floats("b", new float[1], 1).floats("a", new float[2], 2));
    assertArrayEquals(first, second);
  }

  @Test
  void whatIsWrittenIsReadAgainAcrossBlocks() throws Exception {
    int elements = 600_001; // more than one block of 1 MiB in every type
    float[] floats = new float[elements];
    int[] ints = new int[elements];
    for (int i = 0; i < elements; i++) {
      floats[i] = i % 2047 - 1023;
      ints[i] = i * 7919;
    }
    new SafetensorsWriter()
        .floats("floats", floats, elements)
        .halves("halves", floats, 1, elements)
        .bfloats("bfloats", () -> floats, elements)
        .longs("longs", ints, elements, 1)
        .floats("empty", new float[0], 3, 0)
        .metadata("format", "pt")
        .write(target());
    SafetensorsFile file = SafetensorsFile.open(target());
    assertEquals(Map.of("format", "pt"), file.metadata());
    assertArrayEquals(floats, file.readFiniteFloats("floats"));
    assertArrayEquals(floats, file.readFiniteFloats("halves"));
    float[] bfloats = file.readFiniteFloats("bfloats");
    for (int i = 0; i < elements; i++) {
      assertEquals(floats[i], bfloats[i], Math.abs(floats[i]) * 0x1p-8f);
    }
    assertArrayEquals(ints, file.readInts("longs"));
    assertEquals(List.of(3L, 0L), file.tensors().get("empty").shape());
  }

  @Test
  void elementsOfASupplierAreAskedForToBeCheckedAndToBeWritten() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    Supplier<float[]> values =
        () -> {
          asked.incrementAndGet();
          return new float[] {1, -2, 3};
        };
    SafetensorsWriter writer =
        new SafetensorsWriter().floats("a", values, 3).halves("b", values, 3);
    assertEquals(2, asked.get());
    byte[] bytes = write(writer);
    assertEquals(4, asked.get());
    float[] array = {1, -2, 3};
    assertArrayEquals(
        write(new SafetensorsWriter().floats("a", array, 3).halves("b", array, 3)), bytes);
    assertRefused("index 1", () -> writer.floats("c", () -> new float[] {1, Float.NaN}, 2));
    assertRefused("3 elements", () -> writer.floats("c", values, 4));
  }

  /** Written by the reference, read, written by us: the same bytes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt2-tiny/model",
        "adapters/all-linear/adapter_model",
        "trajectory/lora/final/adapter_model"
      })
  void filesOfTheReferenceWriterAreReproduced(String name) throws Exception {
    Path original = Path.of("src/test/resources/fixtures", name + ".safetensors");
    SafetensorsFile file = SafetensorsFile.open(original);
    SafetensorsWriter writer = new SafetensorsWriter();
    file.metadata().forEach(writer::metadata);
    for (TensorInfo info : file.tensors().values()) {
      assertEquals(DType.F32, info.dtype());
      writer.floats(
          info.name(),
          file.readFloats(info.name()),
          info.shape().stream().mapToLong(Long::longValue).toArray());
    }
    assertArrayEquals(Files.readAllBytes(original), write(writer));
  }

  /** ST-43. */
  @Test
  void whatWouldBeRefusedByTheReaderIsRefusedWhenAdded() throws Exception {
    SafetensorsWriter writer = new SafetensorsWriter().floats("w", new float[1], 1);
    float[] one = new float[1];
    assertRefused("w", () -> writer.floats("w", one, 1));
    assertRefused("__metadata__", () -> writer.floats("__metadata__", one, 1));
    assertRefused("surrogate", () -> writer.floats("\ud800", one, 1));
    assertRefused("surrogate", () -> writer.metadata("k", "\udc00"));
    assertRefused("[2]", () -> writer.floats("s", one, 2));
    assertRefused("[-1, -1]", () -> writer.floats("s", one, -1, -1));
    assertRefused("overflow", () -> writer.floats("s", one, 1L << 62, 4));
    assertRefused("at most 64", () -> writer.floats("s", one, new long[65]));
    assertRefused("NaN at index 1", () -> writer.floats("n", new float[] {1, Float.NaN}, 2));
    assertRefused("-Infinity", () -> writer.floats("n", new float[] {Float.NEGATIVE_INFINITY}, 1));
    assertRefused("65520.0 at index 0", () -> writer.halves("n", new float[] {65520}, 1));
    float[] large = {1, -Float.MAX_VALUE};
    assertRefused("-3.4028235E38 at index 1", () -> writer.bfloats("n", () -> large, 2));
    assertEquals(List.of(), filesLeft());
    writer.write(target());
    assertEquals(List.of("w"), List.copyOf(SafetensorsFile.open(target()).names()));
  }

  private static void assertRefused(String named, org.junit.jupiter.api.function.Executable added) {
    var e = assertThrows(IllegalArgumentException.class, added);
    assertTrue(String.valueOf(e.getMessage()).contains(named), e.getMessage());
  }

  @Test
  void notFiniteNumbersAreWrittenWhenAllowed() throws Exception {
    float[] values = {Float.NaN, Float.POSITIVE_INFINITY, 1e6f};
    new SafetensorsWriter()
        .allowNonFinite()
        .floats("a", values, 3)
        .halves("b", values, 3)
        .write(target());
    SafetensorsFile file = SafetensorsFile.open(target());
    assertArrayEquals(values, file.readFloats("a"));
    assertArrayEquals(
        new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY},
        file.readFloats("b"));
  }

  /**
   * ST-43: metadata of more than 100 MB; the second text passes the first, cheap check and not the
   * exact one.
   */
  @Test
  void aHeaderThatIsTooLongIsRefusedBeforeAFileAppears() throws Exception {
    String half = "x".repeat(SafetensorsFile.MAX_HEADER_BYTES / 2);
    SafetensorsWriter writer = new SafetensorsWriter().metadata("a", half);
    assertRefused("100000000", () -> writer.metadata("b", half));
    String quotes = "\"".repeat(SafetensorsFile.MAX_HEADER_BYTES / 2 + 1);
    SafetensorsWriter escaping = new SafetensorsWriter().metadata("a", quotes);
    assertRefused("100000000", () -> escaping.write(target()));
    assertEquals(List.of(), filesLeft());
  }

  /** ST-33, from the writer's side. */
  @Test
  void moreTensorsThanAReaderTakesAreRefused() throws Exception {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (int i = 0; i < SafetensorsFile.MAX_TENSORS; i++) {
      writer.floats("t" + i, new float[0], 0);
    }
    assertRefused("100000", () -> writer.floats("more", new float[0], 0));
    writer.write(target());
    assertEquals(SafetensorsFile.MAX_TENSORS, SafetensorsFile.open(target()).names().size());
  }

  @Test
  void aFailureLeavesTheOldFileAndNothingElse() throws Exception {
    Path directory = Files.createDirectory(folder.resolve("taken"));
    Path inside = Files.write(directory.resolve("file"), new byte[] {1});
    SafetensorsWriter writer = new SafetensorsWriter().floats("w", new float[1], 1);
    assertThrows(IOException.class, () -> writer.write(directory));
    assertArrayEquals(new byte[] {1}, Files.readAllBytes(inside));
    assertEquals(List.of("taken"), filesLeft());
    assertThrows(IOException.class, () -> writer.write(folder.resolve("absent/model.safetensors")));
    assertEquals(List.of("taken"), filesLeft());
  }

  @Test
  void anOlderFileIsReplacedAndAFileWithoutFolderNameIsWrittenHere() throws Exception {
    Files.write(target(), new byte[1000]);
    new SafetensorsWriter().floats("w", new float[] {1}).write(target());
    assertArrayEquals(new float[] {1}, SafetensorsFile.open(target()).readFloats("w"));
    assertEquals(List.of("model.safetensors"), filesLeft());
    Path relative = Path.of("SafetensorsWriterTest.safetensors");
    try {
      new SafetensorsWriter().write(relative);
      assertTrue(Files.exists(relative));
    } finally {
      Files.deleteIfExists(relative);
    }
  }

  @Test
  void anInterruptDoesNotDisturbWriting() throws Exception {
    Thread.currentThread().interrupt();
    new SafetensorsWriter().floats("w", new float[] {1}).write(target());
    assertTrue(Thread.interrupted());
    assertArrayEquals(new float[] {1}, SafetensorsFile.open(target()).readFloats("w"));
  }
}
