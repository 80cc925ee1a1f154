package io.github.lora4j.safetensors;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;

/**
 * A safetensors file whose header has been read and validated. Tensors are read when asked for, each time with a
 * file handle of its own, so nothing has to be closed.
 */
public final class SafetensorsFile implements TensorSource {

  /** The longest header, in bytes, as in the reference reader. */
  public static final int MAX_HEADER_BYTES = 100_000_000;

  private static final int LENGTH_BYTES = 8;
  private static final int BLOCK_BYTES = 1 << 20;
  private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

  private final Path path;
  private final long dataStart;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, String> metadata;

  private SafetensorsFile(Path path, long dataStart, HeaderParser.Header header) {
    this.path = path;
    this.dataStart = dataStart;
    this.tensors = Collections.unmodifiableMap(header.tensors());
    this.metadata = Collections.unmodifiableMap(header.metadata());
  }

  /**
   * Reads and validates the header of a file.
   *
   * @param path a regular file
   * @return the opened file
   * @throws SafetensorsFormatException if it breaks the format; names the place
   * @throws LimitExceededException if its header is larger than a limit allows
   * @throws IOException if it cannot be read
   */
  public static SafetensorsFile open(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "a safetensors file expected");
    }
    if (!Files.isRegularFile(path)) {
      throw new SafetensorsFormatException(
          "ST-41", path.toString(), "", "a regular file expected, got a folder or device");
    }
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      long size = file.length();
      byte[] start = new byte[(int) Math.min(size, ForeignFormat.PREFIX)];
      file.readFully(start);
      try {
        return open(path, file, size);
      } catch (SafetensorsFormatException | LimitExceededException e) {
        String foreign = ForeignFormat.recognise(start);
        if (foreign != null) {
          throw new SafetensorsFormatException("ST-31", path.toString(), "byte 0", foreign);
        }
        throw e;
      }
    }
  }

  private static SafetensorsFile open(Path path, RandomAccessFile file, long size)
      throws IOException {
    if (size < LENGTH_BYTES) {
      throw new SafetensorsFormatException(
          size == 0 ? "ST-01" : "ST-02",
          path.toString(),
          "byte 0",
          "a header length of %d bytes expected, got a file of %d"
              .formatted(LENGTH_BYTES, size));
    }
    file.seek(0);
    long length = Long.reverseBytes(file.readLong());
    if (length < 0 || length > MAX_HEADER_BYTES) {
      throw new LimitExceededException(
          length < 0 ? "ST-04" : "ST-06",
          path.toString(),
          "byte 0",
          "a header of at most %d bytes expected, got %s"
              .formatted(MAX_HEADER_BYTES, Long.toUnsignedString(length)));
    }
    if (length == 0) {
      throw new SafetensorsFormatException(
          "ST-08", path.toString(), "byte 0", "a JSON object expected, got an empty header");
    }
    if (length > size - LENGTH_BYTES) {
      throw new SafetensorsFormatException(
          "ST-03",
          path.toString(),
          "byte 0",
          "a header of %d bytes expected, got a file of %d: an incomplete download?"
              .formatted(length, size));
    }
    byte[] header = new byte[(int) length];
    readFully(path, file, header, header.length);
    long dataStart = LENGTH_BYTES + length;
    return new SafetensorsFile(
        path, dataStart, HeaderParser.parse(path.toString(), header, size - dataStart));
  }

  private static void readFully(Path path, RandomAccessFile file, byte[] block, int count)
      throws IOException {
    try {
      file.readFully(block, 0, count);
    } catch (EOFException e) {
      throw new SafetensorsFormatException(
          "ST-40",
          path.toString(),
          "byte " + file.length(),
          "the bytes that were there at first expected, got the end of the file: it was cut"
              + " while being read");
    }
  }

  /**
   * The free strings of the header's {@code __metadata__}.
   *
   * @return by key, empty if there are none
   */
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public String path(String name) {
    return path.toString();
  }

  @Override
  public float[] readFloats(String name) throws IOException {
    TensorInfo info = find(name);
    if (!info.dtype().isFloat()) {
      throw unsupported(info, "F32, F16 or BF16");
    }
    float[] values = new float[length(info)];
    forBlocks(
        info,
        (block, first, count) -> {
          switch (info.dtype()) {
            case F32 -> block.asFloatBuffer().get(values, first, count);
            case F16 -> {
              for (int i = 0; i < count; i++) {
                values[first + i] = Float16.toFloat(block.getShort(2 * i));
              }
            }
            default -> {
              for (int i = 0; i < count; i++) {
                values[first + i] = Float.intBitsToFloat(block.getShort(2 * i) << 16);
              }
            }
          }
        });
    return values;
  }

  @Override
  public int[] readInts(String name) throws IOException {
    TensorInfo info = find(name);
    if (!info.dtype().isInt()) {
      throw unsupported(info, "I32 or I64");
    }
    int[] values = new int[length(info)];
    forBlocks(
        info,
        (block, first, count) -> {
          for (int i = 0; i < count; i++) {
            long value = info.dtype() == DType.I32 ? block.getInt(4 * i) : block.getLong(8 * i);
            if (value != (int) value) {
              throw new SafetensorsFormatException(
                  "ST-37",
                  path.toString(),
                  name,
                  "32-bit numbers expected, got %d at index %d".formatted(value, first + i));
            }
            values[first + i] = (int) value;
          }
        });
    return values;
  }

  /** Converts the elements of one block. */
  @FunctionalInterface
  private interface BlockReader {
    void accept(ByteBuffer block, int first, int count) throws IOException;
  }

  private void forBlocks(TensorInfo info, BlockReader reader) throws IOException {
    int width = info.dtype().bits() / 8;
    int elements = length(info);
    byte[] bytes = new byte[(int) Math.min(BLOCK_BYTES, Math.max(width, (long) elements * width))];
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      file.seek(dataStart + info.begin());
      int perBlock = bytes.length / width;
      for (int first = 0; first < elements; first += perBlock) {
        int count = Math.min(perBlock, elements - first);
        readFully(path, file, bytes, count * width);
        block.clear();
        reader.accept(block, first, count);
      }
    }
  }

  private TensorInfo find(String name) {
    TensorInfo info = tensors.get(name);
    if (info == null) {
      throw new IllegalArgumentException(
          "%s: a tensor of the file expected, got '%s'".formatted(path, Excerpt.of(name)));
    }
    return info;
  }

  private int length(TensorInfo info) throws UnsupportedFeatureException {
    if (info.elements() > LARGEST_ARRAY) {
      throw new UnsupportedFeatureException(
          "ST-37",
          path.toString(),
          info.name(),
          "at most %d elements in a tensor expected, got %d"
              .formatted(LARGEST_ARRAY, info.elements()));
    }
    return (int) info.elements();
  }

  private UnsupportedFeatureException unsupported(TensorInfo info, String expected) {
    return new UnsupportedFeatureException(
        "ST-22",
        path.toString(),
        info.name(),
        "elements of type %s expected, got %s".formatted(expected, info.dtype()));
  }
}
