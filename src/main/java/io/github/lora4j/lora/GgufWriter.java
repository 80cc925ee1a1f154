package io.github.lora4j.lora;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file of ggml's container format GGUF, version 3, little-endian, with tensors of type F32.
 *
 * <pre>
 * "GGUF", u32 version, u64 number of tensors, u64 number of metadata entries
 * each entry:   string key, u32 type, value
 * each tensor:  string name, u32 number of dimensions, u64 each dimension, u32 type, u64 offset
 * zeros up to a multiple of 32: the beginning of the data, from which offsets count
 * each tensor:  its elements, then zeros up to a multiple of 32
 * </pre>
 *
 * <p>A string is its number of bytes as u64 and its UTF-8. The alignment of 32 is the one that
 * holds where no metadata names another. The bytes depend on what is added and on the order alone.
 * Arrays are not copied: they must not change before {@link #writeTo}.
 */
final class GgufWriter {

  private static final int ALIGNMENT = 32;
  private static final int VERSION = 3;
  private static final int BLOCK_FLOATS = 1 << 16;

  private static final int TYPE_UINT32 = 4;
  private static final int TYPE_FLOAT32 = 6;
  private static final int TYPE_STRING = 8;
  private static final int TENSOR_F32 = 0;

  private final Map<String, Object> metadata = new LinkedHashMap<>();
  private final List<Matrix> matrices = new ArrayList<>();

  /** A tensor of two dimensions, row-major. */
  private record Matrix(String name, float[] elements, int rows, int columns) {

    long bytes() {
      return 4L * elements.length;
    }
  }

  GgufWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /** An entry of type u32. */
  GgufWriter metadata(String key, int value) {
    metadata.put(key, value);
    return this;
  }

  /** An entry of type f32. */
  GgufWriter metadata(String key, float value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds a matrix. The file names its dimensions from the fastest on, as ggml does: {@code ne =
   * {columns, rows}}; the elements stand as they do here.
   *
   * @param elements {@code (rows, columns)}, row-major
   */
  GgufWriter matrix(String name, float[] elements, int rows, int columns) {
    if ((long) rows * columns != elements.length) {
      throw new IllegalArgumentException(
          "gguf: %s of %d x %d elements expected, got %d"
              .formatted(name, rows, columns, elements.length));
    }
    matrices.add(new Matrix(name, elements, rows, columns));
    return this;
  }

  /** Writes all of the file; the stream gets large blocks and stays open. */
  void writeTo(OutputStream out) throws IOException {
    byte[] header = header();
    out.write(header);
    out.write(new byte[padding(header.length)]);
    for (Matrix matrix : matrices) {
      writeElements(matrix.elements(), out);
      out.write(new byte[padding(matrix.bytes())]);
    }
  }

  private byte[] header() {
    Header header = new Header();
    header.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    header.u32(VERSION);
    header.u64(matrices.size());
    header.u64(metadata.size());
    metadata.forEach(
        (key, value) -> {
          header.string(key);
          if (value instanceof String text) {
            header.u32(TYPE_STRING);
            header.string(text);
          } else if (value instanceof Float number) {
            header.u32(TYPE_FLOAT32);
            header.u32(Float.floatToIntBits(number));
          } else {
            header.u32(TYPE_UINT32);
            header.u32((Integer) value);
          }
        });
    long offset = 0;
    for (Matrix matrix : matrices) {
      header.string(matrix.name());
      header.u32(2);
      header.u64(matrix.columns());
      header.u64(matrix.rows());
      header.u32(TENSOR_F32);
      header.u64(offset);
      offset += matrix.bytes() + padding(matrix.bytes());
    }
    return header.out.toByteArray();
  }

  /** How many bytes are missing to a multiple of the alignment. */
  private static int padding(long bytes) {
    return (int) (-bytes & (ALIGNMENT - 1));
  }

  private static void writeElements(float[] elements, OutputStream out) throws IOException {
    byte[] bytes = new byte[4 * Math.min(BLOCK_FLOATS, elements.length)];
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int count;
    for (int from = 0; from < elements.length; from += count) {
      count = Math.min(BLOCK_FLOATS, elements.length - from);
      block.asFloatBuffer().put(elements, from, count);
      out.write(bytes, 0, 4 * count);
    }
  }

  /** The numbers of the header, as they come. */
  private static final class Header {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    void u32(int value) {
      out.write(number.putInt(0, value).array(), 0, 4);
    }

    void u64(long value) {
      out.write(number.putLong(0, value).array(), 0, 8);
    }

    void string(String text) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      u64(bytes.length);
      bytes(bytes);
    }

    void bytes(byte[] bytes) {
      out.write(bytes, 0, bytes.length);
    }
  }
}
