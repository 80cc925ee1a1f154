package io.github.lora4j.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

/** Bytes of small safetensors files, good and bad, spelled out. */
final class FileBytes {

  private FileBytes() {}

  /** The length field, the header, and as many zero bytes of data as wanted. */
  static byte[] file(String header, int dataBytes) {
    return file(header.getBytes(StandardCharsets.UTF_8), new byte[dataBytes]);
  }

  /** The length field, the header, the data. */
  static byte[] file(byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  /** One entry of a header. */
  static String entry(String name, String dtype, String shape, String offsets) {
    return "\""
        + name
        + "\":{\"dtype\":\""
        + dtype
        + "\",\"shape\":"
        + shape
        + ",\"data_offsets\":"
        + offsets
        + "}";
  }

  /** The file with one tensor "test" that the reference's own tests use: I32 [2, 2] of zeros. */
  static byte[] valid() {
    return file("{" + entry("test", "I32", "[2,2]", "[0,16]") + "}", 16);
  }

  /** Bytes from hexadecimal digits, blanks allowed. */
  static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits.replace(" ", ""));
  }

  static byte[] join(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  static SafetensorsFile open(Path folder, byte[] bytes) throws IOException {
    Path file = folder.resolve("model.safetensors");
    Files.write(file, bytes);
    return SafetensorsFile.open(file);
  }
}
