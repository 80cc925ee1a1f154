package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import io.github.lora4j.error.Excerpt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Collects tensors and writes them as one safetensors file, which the reference reader accepts too.
 *
 * <p>The bytes depend on the content alone: tensors are ordered as the reference writer orders
 * them, by type and then by name; metadata by key; the header is padded with blanks to a multiple
 * of 8.
 *
 * <p>Arrays are not copied: they must not change before {@link #write}. Those of a supplier are let
 * go as soon as they are written, so that a model need not be in memory a second time. What {@link
 * SafetensorsFile} or a model's loader would refuse is refused here as a caller's mistake, before a
 * file appears: names that occur twice, numbers that are not finite, a header that is too long. Not
 * safe for use by several threads.
 */
public final class SafetensorsWriter {

  // UTF-8 for every character, as the reference writes it, not escapes beyond the first plane.
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8).build();
  private static final int BLOCK_BYTES = 1 << 20;

  private final Map<String, String> metadata = new TreeMap<>();
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private boolean nonFiniteAllowed;
  private long headerChars;

  /** Starts without tensors and metadata. */
  public SafetensorsWriter() {}

  /** Puts elements {@code from .. from + count} into the beginning of a block. */
  @FunctionalInterface
  private interface BlockSource {
    void fill(ByteBuffer block, int from, int count);
  }

  private record Entry(
      String name, DType dtype, List<Long> shape, int elements, Supplier<BlockSource> source) {

    long bytes() {
      return (long) elements * dtype.bits() / 8;
    }
  }

  /**
   * Lets infinities and NaN pass in tensors that are added after this call.
   *
   * @return this
   */
  public SafetensorsWriter allowNonFinite() {
    nonFiniteAllowed = true;
    return this;
  }

  /**
   * Adds an entry of free text to the header.
   *
   * @param key such as {@code format}
   * @param value such as {@code pt}; replaces an earlier value of the key
   * @return this
   * @throws IllegalArgumentException if key or value are no valid Unicode or exceed the header's
   *     limit
   */
  public SafetensorsWriter metadata(String key, String value) {
    requireText(key);
    requireText(value);
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds a tensor of type F32.
   *
   * @param name its name
   * @param values its elements, row-major; not modified
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException if the name is taken or reserved, the shape has another number
   *     of elements, or a number is not finite
   */
  public SafetensorsWriter floats(String name, float[] values, long... shape) {
    return floats(name, () -> values, shape);
  }

  /**
   * Adds a tensor of type F32 whose elements are made when they are needed: now, to check them, and
   * when they are written.
   *
   * @param name its name
   * @param values gives its elements, row-major, the same ones each time
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException as {@link #floats(String, float[], long...)}
   */
  public SafetensorsWriter floats(String name, Supplier<float[]> values, long... shape) {
    float[] present = values.get();
    requireBelow(name, present, Float.POSITIVE_INFINITY);
    return add(name, DType.F32, shape, present.length, () -> floats(values.get()));
  }

  private static BlockSource floats(float[] values) {
    return (block, from, count) -> block.asFloatBuffer().put(values, from, count);
  }

  /**
   * Adds a tensor of type F16; each number is rounded to the nearest half, ties to even.
   *
   * @param name its name
   * @param values its elements, row-major, each below 65520 in magnitude, so that the half is
   *     finite; not modified
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException if the name is taken or reserved, the shape has another number
   *     of elements, or a number does not round to a finite half
   */
  public SafetensorsWriter halves(String name, float[] values, long... shape) {
    return halves(name, () -> values, shape);
  }

  /**
   * Adds a tensor of type F16 whose elements are made when they are needed: now, to check them, and
   * when they are written.
   *
   * @param name its name
   * @param values gives its elements as {@link #halves(String, float[], long...)} takes them, the
   *     same ones each time
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException as {@link #halves(String, float[], long...)}
   */
  public SafetensorsWriter halves(String name, Supplier<float[]> values, long... shape) {
    float[] present = values.get();
    requireBelow(name, present, Float16.OVERFLOW);
    return add(
        name, DType.F16, shape, present.length, () -> narrowed(values.get(), Float16::fromFloat));
  }

  /**
   * Adds a tensor of type BF16 whose elements are made when they are needed: now, to check them,
   * and when they are written. Each is rounded to 8 bits of precision, ties to even.
   *
   * @param name its name
   * @param values gives its elements, row-major, each of a magnitude that rounds to a finite
   *     bfloat16, the same ones each time
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException if the name is taken or reserved, the shape has another number
   *     of elements, or a number does not round to a finite bfloat16
   */
  public SafetensorsWriter bfloats(String name, Supplier<float[]> values, long... shape) {
    float[] present = values.get();
    requireBelow(name, present, BFloat16.OVERFLOW);
    return add(
        name, DType.BF16, shape, present.length, () -> narrowed(values.get(), BFloat16::fromFloat));
  }

  /** Rounds a float to 16 bits. */
  @FunctionalInterface
  private interface Narrowing {
    short of(float value);
  }

  private static BlockSource narrowed(float[] values, Narrowing narrowing) {
    return (block, from, count) -> {
      for (int i = 0; i < count; i++) {
        block.putShort(2 * i, narrowing.of(values[from + i]));
      }
    };
  }

  /**
   * Adds a tensor of type I64.
   *
   * @param name its name
   * @param values its elements, row-major; not modified
   * @param shape its dimensions, outermost first; none for a scalar
   * @return this
   * @throws IllegalArgumentException if the name is taken or reserved, or the shape has another
   *     number of elements
   */
  public SafetensorsWriter longs(String name, int[] values, long... shape) {
    return add(
        name,
        DType.I64,
        shape,
        values.length,
        () ->
            (block, from, count) -> {
              for (int i = 0; i < count; i++) {
                block.putLong(8 * i, values[from + i]);
              }
            });
  }

  private SafetensorsWriter add(
      String name, DType dtype, long[] shape, int elements, Supplier<BlockSource> source) {
    requireText(name);
    if (name.equals(Header.METADATA)) {
      throw new IllegalArgumentException("a tensor must not be named " + Header.METADATA);
    }
    if (entries.containsKey(name)) {
      throw new IllegalArgumentException(
          "names of tensors must be unique, got " + Excerpt.of(name) + " twice");
    }
    if (entries.size() == SafetensorsFile.MAX_TENSORS) {
      throw new IllegalArgumentException(
          "a file may hold at most " + SafetensorsFile.MAX_TENSORS + " tensors, got one more");
    }
    List<Long> dimensions = Arrays.stream(shape).boxed().toList();
    if (TensorInfo.byteSize(DType.U8, dimensions) != elements) {
      throw new IllegalArgumentException(
          "shape of "
              + Excerpt.of(name)
              + " must hold "
              + elements
              + " elements, got "
              + dimensions);
    }
    entries.put(name, new Entry(name, dtype, dimensions, elements, source));
    return this;
  }

  private void requireBelow(String name, float[] values, float bound) {
    for (int i = 0; i < values.length && !nonFiniteAllowed; i++) {
      if (!(Math.abs(values[i]) < bound)) {
        throw new IllegalArgumentException(
            "numbers of "
                + Excerpt.of(name)
                + " must be below "
                + bound
                + " in magnitude, got "
                + values[i]
                + " at index "
                + i);
      }
    }
  }

  /**
   * Every character takes at least one byte of the header, so this bounds what is built in memory.
   */
  private void requireText(String text) {
    if (!StrictJson.isUnicode(text)) {
      throw new IllegalArgumentException(
          "names and metadata must not hold half a surrogate pair, got " + Excerpt.of(text));
    }
    headerChars += text.length();
    if (headerChars > SafetensorsFile.MAX_HEADER_BYTES) {
      throw headerTooLong(headerChars, text);
    }
  }

  private static IllegalArgumentException headerTooLong(long bytes, String text) {
    return new IllegalArgumentException(
        "names and metadata must fit a header of at most "
            + SafetensorsFile.MAX_HEADER_BYTES
            + " bytes, got "
            + bytes
            + " with "
            + Excerpt.of(text));
  }

  /**
   * Writes the file, complete or not at all, as {@link StagedFiles#replace} does. A file of the
   * same name is replaced.
   *
   * @param file the path of the file, in an existing folder
   * @throws IllegalArgumentException if the header is too long
   * @throws IOException if it cannot be written; an older file is then as it was
   */
  public void write(Path file) throws IOException {
    StagedFiles.replace(file, this::writeTo);
  }

  /**
   * Writes the bytes of the file into a stream.
   *
   * @param out gets large blocks, needs no buffer; stays open
   * @throws IllegalArgumentException if the header is too long; nothing is written then
   * @throws IOException if the stream throws it
   */
  public void writeTo(OutputStream out) throws IOException {
    List<Entry> ordered = new ArrayList<>(entries.values());
    ordered.sort(
        Comparator.comparing(Entry::dtype)
            .reversed()
            .thenComparing(
                entry -> entry.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned));
    out.write(header(ordered));
    for (Entry entry : ordered) {
      writeData(entry, out);
    }
  }

  /** The length field and the header, padded to a multiple of 8. */
  private byte[] header(List<Entry> ordered) throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    header.write(new byte[SafetensorsFile.LENGTH_BYTES]);
    try (JsonGenerator json = JSON.createGenerator(header)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(Header.METADATA);
        for (Map.Entry<String, String> text : metadata.entrySet()) {
          json.writeStringField(text.getKey(), text.getValue());
        }
        json.writeEndObject();
      }
      long begin = 0;
      for (Entry entry : ordered) {
        json.writeObjectFieldStart(entry.name());
        json.writeStringField("dtype", entry.dtype().name());
        json.writeArrayFieldStart("shape");
        for (long dimension : entry.shape()) {
          json.writeNumber(dimension);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("data_offsets");
        json.writeNumber(begin);
        begin += entry.bytes();
        json.writeNumber(begin);
        json.writeEndArray();
        json.writeEndObject();
      }
      json.writeEndObject();
    }
    while (header.size() % 8 != 0) {
      header.write(' ');
    }
    int length = header.size() - SafetensorsFile.LENGTH_BYTES;
    if (length > SafetensorsFile.MAX_HEADER_BYTES) {
      throw headerTooLong(length, ordered.isEmpty() ? "" : ordered.get(0).name());
    }
    byte[] bytes = header.toByteArray();
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    return bytes;
  }

  private static void writeData(Entry entry, OutputStream out) throws IOException {
    int width = entry.dtype().bits() / 8;
    int elements = entry.elements();
    byte[] bytes = new byte[Math.min(BLOCK_BYTES / width, elements) * width];
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    BlockSource source = entry.source().get();
    int count;
    for (int from = 0; from < elements; from += count) {
      count = Math.min(bytes.length / width, elements - from);
      source.fill(block, from, count);
      out.write(bytes, 0, count * width);
    }
  }
}
