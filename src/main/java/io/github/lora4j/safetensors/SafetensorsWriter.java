package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.lora4j.error.Excerpt;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Gathers tensors and writes them as one safetensors file. The same tensors give the same bytes: they are laid
 * out by type and name, as the reference writer does, and the file appears whole or not at all.
 */
public final class SafetensorsWriter {

  private static final int BLOCK_BYTES = 1 << 20;
  private static final int ALIGNMENT = 8;

  private final Map<String, Entry> entries = new TreeMap<>();
  private final Map<String, String> metadata = new TreeMap<>();

  /** A writer without tensors. */
  public SafetensorsWriter() {}

  /** Puts elements into a block. */
  @FunctionalInterface
  private interface Encoder {
    void encode(ByteBuffer block, int first, int count);
  }

  private record Entry(String name, DType dtype, long[] shape, int elements, Encoder encoder) {
    long bytes() {
      return (long) elements * dtype.bits() / 8;
    }
  }

  /**
   * Adds a free string to the header.
   *
   * @param key its key
   * @param value its value
   * @return this writer
   */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds a tensor of type F32.
   *
   * @param name its name, not yet used
   * @param values its elements, row-major; not copied, and to be left alone until written
   * @param shape its dimensions, outermost first
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the shape does not fit
   */
  public SafetensorsWriter floats(String name, float[] values, long... shape) {
    return add(
        new Entry(
            name,
            DType.F32,
            shape.clone(),
            values.length,
            (block, first, count) -> block.asFloatBuffer().put(values, first, count)));
  }

  /**
   * Adds a tensor of type F16; each element is rounded to the nearest half, ties to even.
   *
   * @param name its name, not yet used
   * @param values its elements, row-major; not copied, and to be left alone until written
   * @param shape its dimensions, outermost first
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the shape does not fit
   */
  public SafetensorsWriter halves(String name, float[] values, long... shape) {
    return add(
        new Entry(
            name,
            DType.F16,
            shape.clone(),
            values.length,
            (block, first, count) -> {
              for (int i = 0; i < count; i++) {
                block.putShort(2 * i, Float16.fromFloat(values[first + i]));
              }
            }));
  }

  /**
   * Adds a tensor of type I64.
   *
   * @param name its name, not yet used
   * @param values its elements, row-major; not copied, and to be left alone until written
   * @param shape its dimensions, outermost first
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the shape does not fit
   */
  public SafetensorsWriter longs(String name, int[] values, long... shape) {
    return add(
        new Entry(
            name,
            DType.I64,
            shape.clone(),
            values.length,
            (block, first, count) -> {
              for (int i = 0; i < count; i++) {
                block.putLong(8 * i, values[first + i]);
              }
            }));
  }

  private SafetensorsWriter add(Entry entry) {
    if (entry.name().equals("__metadata__") || entries.containsKey(entry.name())) {
      throw new IllegalArgumentException(
          "safetensors: a new name other than __metadata__ expected, got '"
              + Excerpt.of(entry.name())
              + "'");
    }
    long elements = 1;
    for (long dimension : entry.shape()) {
      elements = Math.multiplyExact(elements, dimension);
    }
    if (elements != entry.elements()) {
      throw new IllegalArgumentException(
          "safetensors: %d elements expected for shape %s of '%s', got %d"
              .formatted(
                  elements,
                  Arrays.toString(entry.shape()),
                  Excerpt.of(entry.name()),
                  entry.elements()));
    }
    entries.put(entry.name(), entry);
    return this;
  }

  /**
   * Writes the file: to a temporary sibling, forced to disk, then moved into place.
   *
   * @param path where it shall stand; a file there is replaced
   * @throws IllegalArgumentException if there are more tensors or a longer header than a reader takes
   * @throws IOException if it cannot be written; what stood there before is left
   */
  public void write(Path path) throws IOException {
    List<Entry> layout = new ArrayList<>(entries.values());
    layout.sort(
        Comparator.comparingInt((Entry entry) -> -entry.dtype().ordinal())
            .thenComparing(Entry::name));
    byte[] header = header(layout);
    Path target = path.toAbsolutePath();
    Path temporary = Files.createTempFile(target.getParent(), ".tmp-", ".safetensors");
    try {
      try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
        out.write(
            ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array());
        out.write(header);
        byte[] bytes = new byte[BLOCK_BYTES];
        for (Entry entry : layout) {
          writeData(entry, bytes, out);
        }
        out.getFD().sync();
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static void writeData(Entry entry, byte[] bytes, FileOutputStream out)
      throws IOException {
    int width = entry.dtype().bits() / 8;
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int perBlock = bytes.length / width;
    for (int first = 0; first < entry.elements(); first += perBlock) {
      int count = Math.min(perBlock, entry.elements() - first);
      block.clear();
      entry.encoder().encode(block, first, count);
      out.write(bytes, 0, count * width);
    }
  }

  private byte[] header(List<Entry> layout) throws IOException {
    if (layout.size() > HeaderParser.MAX_TENSORS) {
      throw new IllegalArgumentException(
          "safetensors: at most %d tensors expected, got %d"
              .formatted(HeaderParser.MAX_TENSORS, layout.size()));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart("__metadata__");
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long begin = 0;
      for (Entry entry : layout) {
        json.writeObjectFieldStart(entry.name());
        json.writeStringField("dtype", entry.dtype().name());
        json.writeFieldName("shape");
        json.writeArray(entry.shape(), 0, entry.shape().length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {begin, begin + entry.bytes()}, 0, 2);
        json.writeEndObject();
        begin += entry.bytes();
      }
      json.writeEndObject();
    }
    int padding = (ALIGNMENT - bytes.size() % ALIGNMENT) % ALIGNMENT;
    bytes.write(" ".repeat(padding).getBytes(StandardCharsets.US_ASCII));
    if (bytes.size() > SafetensorsFile.MAX_HEADER_BYTES) {
      throw new IllegalArgumentException(
          "safetensors: a header of at most %d bytes expected, got %d"
              .formatted(SafetensorsFile.MAX_HEADER_BYTES, bytes.size()));
    }
    return bytes.toByteArray();
  }
}
