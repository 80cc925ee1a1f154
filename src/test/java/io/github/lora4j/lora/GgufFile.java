package io.github.lora4j.lora;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A reader of GGUF by its specification, which knows nothing of the writer. */
final class GgufFile {

  private static final int ALIGNMENT = 32;

  final Map<String, Object> metadata = new LinkedHashMap<>();
  final Map<String, GgufTensor> tensors = new LinkedHashMap<>();

  /** A tensor; ne counts from the fastest dimension. */
  record GgufTensor(long[] ne, long offset, float[] elements) {}

  private record Info(long[] ne, long offset) {}

  private GgufFile() {}

  static GgufFile read(Path path) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
    require(bytes.getInt() == 0x46554747, "the magic GGUF");
    require(bytes.getInt() == 3, "version 3");
    long tensorCount = bytes.getLong();
    long metadataCount = bytes.getLong();
    GgufFile file = new GgufFile();
    for (long i = 0; i < metadataCount; i++) {
      String key = string(bytes);
      Object value = value(bytes);
      require(file.metadata.put(key, value) == null, "each key once");
    }
    Map<String, Info> infos = new LinkedHashMap<>();
    for (long i = 0; i < tensorCount; i++) {
      String name = string(bytes);
      require(name.length() < 64, "a name that ggml holds");
      long[] ne = new long[bytes.getInt()];
      for (int d = 0; d < ne.length; d++) {
        ne[d] = bytes.getLong();
      }
      require(bytes.getInt() == 0, "type F32");
      require(infos.put(name, new Info(ne, bytes.getLong())) == null, "each name once");
    }
    file.readData(bytes, infos);
    return file;
  }

  private void readData(ByteBuffer bytes, Map<String, Info> infos) {
    while (bytes.position() % ALIGNMENT != 0) {
      require(bytes.get() == 0, "zeros before the data");
    }
    int begin = bytes.position();
    infos.forEach(
        (name, info) -> {
          require(info.offset() % ALIGNMENT == 0, "aligned offsets");
          require(begin + info.offset() == bytes.position(), "tensors without gaps");
          long count = 1;
          for (long n : info.ne()) {
            count *= n;
          }
          float[] elements = new float[Math.toIntExact(count)];
          for (int i = 0; i < elements.length; i++) {
            elements[i] = bytes.getFloat();
          }
          while ((bytes.position() - begin) % ALIGNMENT != 0) {
            require(bytes.get() == 0, "zeros between tensors");
          }
          tensors.put(name, new GgufTensor(info.ne(), info.offset(), elements));
        });
    require(!bytes.hasRemaining(), "the end of the file after the last tensor's padding");
  }

  private static Object value(ByteBuffer bytes) {
    int type = bytes.getInt();
    return switch (type) {
      case 4 -> bytes.getInt();
      case 6 -> bytes.getFloat();
      case 8 -> string(bytes);
      default -> throw new AssertionError("type " + type);
    };
  }

  private static String string(ByteBuffer bytes) {
    byte[] utf8 = new byte[Math.toIntExact(bytes.getLong())];
    bytes.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  private static void require(boolean isSo, String expected) {
    if (!isSo) {
      throw new AssertionError("expected " + expected);
    }
  }
}
