package io.github.lora4j.safetensors;

import static io.github.lora4j.safetensors.FileBytes.entry;
import static io.github.lora4j.safetensors.FileBytes.file;
import static io.github.lora4j.safetensors.FileBytes.hex;
import static io.github.lora4j.safetensors.FileBytes.join;
import static io.github.lora4j.safetensors.FileBytes.latin;
import static io.github.lora4j.safetensors.FileBytes.valid;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrowsExactly;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.FormatException;
import io.github.lora4j.error.LimitExceededException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Files that must be refused when opened: each with its exception and with what its message must
 * name.
 */
class BadFilesTest {

  @TempDir Path folder;

  /** One bad file: row of the table, bytes, exception, its code, and words of the message. */
  record BadFile(
      String row,
      byte[] bytes,
      Class<? extends FormatException> type,
      String code,
      List<String> named) {

    @Override
    public String toString() {
      String start =
          new String(Arrays.copyOf(bytes, Math.min(60, bytes.length)), StandardCharsets.US_ASCII);
      return row + " " + Excerpt.of(start);
    }
  }

  /** The row is also the code, unless another is named: "ST-02, code ST-01". */
  private static BadFile malformed(String row, byte[] bytes, String... named) {
    return new BadFile(row, bytes, SafetensorsFormatException.class, code(row), List.of(named));
  }

  private static BadFile beyondLimit(String row, byte[] bytes, String... named) {
    return new BadFile(row, bytes, LimitExceededException.class, code(row), List.of(named));
  }

  private static String code(String row) {
    return row.substring(row.length() - "ST-00".length());
  }

  private static byte[] tensor(String dtype, String shape, String offsets, int dataBytes) {
    return file("{" + entry("test", dtype, shape, offsets) + "}", dataBytes);
  }

  private static byte[] header(String json) {
    return file(json, 0);
  }

  static Stream<BadFile> lengthAndEncoding() {
    byte[] rest = Arrays.copyOfRange(valid(), 8, valid().length);
    return Stream.of(
        malformed("ST-01", new byte[0], "size 0", "8 bytes"),
        malformed("ST-02, code ST-01", new byte[7], "size 7", "8 bytes"),
        malformed("ST-03", hex("3c00000000000000"), "header of 60", "file of 8"),
        beyondLimit(
            "ST-04, code ST-06",
            join(hex("0000000000000080"), rest),
            "9223372036854775808",
            "100000000"),
        beyondLimit(
            "ST-05, code ST-06",
            join(hex("3c00000000ffffff"), rest),
            "18446742974197923900",
            "100000000"),
        beyondLimit("ST-07, code ST-06", hex("ffffff7f00000000"), "2147483647"),
        malformed("ST-08", new byte[8], "empty header"),
        malformed("ST-09", file(hex("ff"), new byte[0]), "byte 8", "UTF-8"),
        malformed("ST-09", file(latin("{\"a\u00e9\":1}"), new byte[0]), "byte 11"),
        malformed("ST-09", file(hex("7b22c080223a317d"), new byte[0]), "byte 10"),
        malformed("ST-09", file(hex("7b22eda080223a317d"), new byte[0]), "byte 10"),
        malformed("ST-09, code ST-10", header("{" + entry("\\ud800", "U8", "[0]", "[0,0]") + "}")),
        malformed(
            "ST-09", header("{\"__metadata__\":{\"k\":\"\\udc00\"}}"), "byte 29", "surrogate"),
        malformed("ST-10", header("{"), "byte 9", "JSON"),
        malformed("ST-10", header("{\"\u00e9\ud83d\ude00\":x}"), "byte 18"),
        malformed("ST-10", header("{'a':1}")),
        malformed("ST-10", header("{\"a\":01}")),
        malformed("ST-10", header("{\"a\":NaN}")),
        malformed("ST-10", header("{/**/}")),
        malformed("ST-10", header("{} \u0001")),
        malformed("ST-10", file(hex("7b007d00"), new byte[0]), "byte 9"),
        malformed("ST-11", header("[]"), "an array"),
        malformed("ST-11", header("\"x\""), "the string \"x\""),
        malformed("ST-11", header("null"), "null"),
        malformed("ST-11", header("7"), "got 7"),
        malformed("ST-11", header("  "), "the end of the text"),
        malformed("ST-12, code ST-10", header("{}x"), "byte 10"),
        malformed("ST-12, code ST-10", header("{}\0"), "byte 10"),
        malformed("ST-12", header("{}{}"), "byte 10", "an object"),
        malformed("ST-12", header("{} 5"), "byte 11"),
        malformed("ST-13", header("\ufeff{}"), "byte 8", "BOM"),
        beyondLimit("ST-15", header("{\"a\":" + "[".repeat(100_000)), "depth limit 8"),
        beyondLimit("ST-15", header("{\"a\":{\"foo\":" + "[".repeat(7)), "depth limit 8"),
        beyondLimit("ST-15", tensor("U8", "[" + "1".repeat(101) + "]", "[0,0]", 0), "100 digits"));
  }

  static Stream<BadFile> fields() {
    String w = entry("w", "U8", "[4]", "[0,4]");
    return Stream.of(
        malformed(
            "ST-16", file("{" + w + "," + w + "}", 4), "tensor w", "[0, 4] and again with [0, 4]"),
        malformed(
            "ST-17",
            header(
                "{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"),
            "tensor w",
            "dtype"),
        malformed("ST-17", header("{\"w\":{\"shape\":[0],\"shape\":[0]}}"), "tensor w", "shape"),
        malformed(
            "ST-17",
            header("{\"w\":{\"data_offsets\":[0,0],\"data_offsets\":[0,0]}}"),
            "data_offsets"),
        malformed("ST-17", header("{\"__metadata__\":{},\"__metadata__\":{}}"), "__metadata__"),
        malformed("ST-17", header("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}"), "key k"),
        malformed("ST-18", header("{\"__metadata__\":{\"step\":1}}"), "key step", "got 1"),
        malformed("ST-18", header("{\"__metadata__\":{\"step\":{}}}"), "key step", "an object"),
        malformed("ST-18", header("{\"__metadata__\":null}"), "null"),
        malformed(
            "ST-19",
            header("{\"w\":{\"dtype\":\"U8\",\"shape\":[0]}}"),
            "tensor w",
            "data_offsets"),
        malformed(
            "ST-19",
            header("{\"w\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}"),
            "tensor w",
            "shape"),
        malformed(
            "ST-19", header("{\"w\":{\"shape\":[0],\"data_offsets\":[0,0]}}"), "tensor w", "dtype"),
        malformed("ST-19", header("{\"w\":7}"), "tensor w", "got 7"),
        malformed("ST-21", tensor("F33", "[0]", "[0,0]", 0), "tensor test", "F33", "BF16, I32"),
        malformed("ST-21", tensor("f32", "[0]", "[0,0]", 0), "tensor test", "f32"),
        malformed("ST-21", header("{\"w\":{\"dtype\":7}}"), "tensor w", "got 7"),
        malformed("ST-23", tensor("U8", "[-1]", "[0,0]", 0), "tensor test", "shape[0]", "got -1"),
        malformed("ST-23", tensor("U8", "[1,-0]", "[0,0]", 0), "shape[1]", "got -0"),
        malformed("ST-23", tensor("U8", "[2.0]", "[0,2]", 2), "shape[0]", "got 2.0"),
        malformed("ST-23", tensor("U8", "[1e3]", "[0,1000]", 1000), "shape[0]", "got 1e3"),
        malformed("ST-23", tensor("U8", "[\"2\"]", "[0,2]", 2), "shape[0]", "\"2\""),
        malformed("ST-23", tensor("U8", "[1,1,true]", "[0,1]", 1), "shape[2]", "got true"),
        malformed("ST-23", tensor("U8", "[null]", "[0,0]", 0), "shape[0]", "got null"),
        malformed("ST-23", tensor("U8", "[[1]]", "[0,1]", 1), "shape[0]", "an array"),
        malformed("ST-23", tensor("U8", "4", "[0,4]", 4), "got 4"),
        malformed("ST-23", tensor("U8", "[" + "1,".repeat(64) + "1]", "[0,1]", 1), "at most 64"),
        malformed(
            "ST-24",
            tensor("I32", "[2,18446744073709551614]", "[0,16]", 16),
            "shape[1]",
            "18446744073709551614",
            "overflow"),
        malformed(
            "ST-24",
            tensor("I32", "[2,9223372036854775807]", "[0,16]", 16),
            "tensor test",
            "[2, 9223372036854775807]",
            "overflow"),
        malformed("ST-24", tensor("F32", "[4611686018427387904]", "[0,16]", 16), "overflow"),
        malformed("ST-24", tensor("F4", "[3]", "[0,2]", 2), "part of a byte"),
        malformed(
            "ST-25, code ST-32",
            tensor("F32", "[65536,65536]", "[0,0]", 0),
            "17179869184",
            "has 0"),
        malformed("ST-26", tensor("I32", "[2,2]", "[0]", 16), "tensor test", "[0]"),
        malformed("ST-26", tensor("I32", "[2,2]", "[0,1,2]", 16), "at most 2"),
        malformed("ST-26", tensor("I32", "[2,2]", "[16,0]", 16), "[16, 0]"),
        malformed("ST-26", tensor("I32", "[2,2]", "[-4,12]", 16), "got -4"),
        malformed("ST-26", tensor("I32", "[2,2]", "[-1,15]", 16), "got -1"),
        malformed(
            "ST-26", tensor("I32", "[2,2]", "[0,9223372036854775808]", 16), "9223372036854775808"),
        malformed("ST-26", tensor("I32", "[2,2]", "{}", 16), "an object"),
        malformed("ST-32", tensor("I32", "[2,2]", "[0,4]", 4), "tensor test", "needs 16", "has 4"));
  }

  static Stream<BadFile> cover() {
    String ten =
        IntStream.range(0, 10)
            .mapToObj(i -> entry("weight_" + i, "F32", "[2,2]", "[0,16]"))
            .collect(Collectors.joining(",", "{", "}"));
    byte[] hole =
        file(
            "{"
                + entry("a", "F32", "[4]", "[0,16]")
                + ","
                + entry("b", "F32", "[4]", "[20,36]")
                + "}",
            36);
    byte[] inside =
        file(
            "{"
                + entry("z", "F32", "[0]", "[8,8]")
                + ","
                + entry("a", "F32", "[4]", "[0,16]")
                + "}",
            16);
    return Stream.of(
        malformed("ST-27", file(ten, 16), "weight_0", "weight_1", "[0, 16]"),
        malformed("ST-27", inside, "tensor z", "tensor a"),
        malformed("ST-28", hole, "16..20", "tensor b"),
        malformed("ST-28", tensor("F32", "[1]", "[4,8]", 8), "0..4"),
        malformed(
            "ST-29",
            join(valid(), latin("extra_bogus_data_for_polyglot_file")),
            "expected 16",
            "got 50"),
        malformed("ST-29", file("{}", 1), "expected 0", "got 1"),
        malformed(
            "ST-30",
            Arrays.copyOf(valid(), valid().length - 2),
            "expected 16",
            "got 14",
            "incomplete download"));
  }

  static Stream<BadFile> otherFormats() {
    return Stream.of(
        malformed("ST-31", latin("PK\3\4\24\0\0\0\10\0 and so on"), "zip", "model.safetensors"),
        malformed("ST-31", hex("80027d71002e"), "pickle"),
        malformed("ST-31", hex("8002 8a0a6cfc9c46f920 6aa850192e"), "pickle"),
        malformed(
            "ST-31", latin("version https://git-lfs.github.com/spec/v1\noid"), "git lfs pull"),
        malformed("ST-31", latin("<!DOCTYPE html>"), "web page"),
        malformed("ST-31", latin("GGUF\3\0\0\0\1\0\0\0"), "GGUF"));
  }

  @ParameterizedTest
  @MethodSource({"lengthAndEncoding", "fields", "cover", "otherFormats"})
  void badFileIsRefusedWithItsPlaceAndReason(BadFile bad) throws Exception {
    Path file = folder.resolve("bad.safetensors");
    Files.write(file, bad.bytes());
    FormatException e = assertThrowsExactly(bad.type(), () -> SafetensorsFile.open(file));
    assertEquals(bad.code(), e.code(), e.getMessage());
    assertEquals(file.toString(), e.path());
    for (String word : bad.named()) {
      assertTrue(e.getMessage().contains(word), () -> word + " missing in: " + e.getMessage());
    }
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    assertArrayEquals(bad.bytes(), Files.readAllBytes(file));
  }
}
