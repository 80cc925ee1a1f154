package io.github.lora4j.safetensors;

import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Path;

/**
 * Copies the numbers of one tensor out of a validated file, block by block; every call has its own
 * handle.
 */
final class TensorReader {

  /** Small enough to stay in the first caches between the copies. */
  private static final int BLOCK_BYTES = 1 << 16;

  private static final int MAX_ARRAY_LENGTH = Integer.MAX_VALUE - 8;

  private final Path path;
  private final long size;
  private final long dataStart;

  /**
   * Prepares to read; opens nothing.
   *
   * @param path the file
   * @param size its size when its header was validated
   * @param dataStart the byte after the header
   */
  TensorReader(Path path, long size, long dataStart) {
    this.path = path;
    this.size = size;
    this.dataStart = dataStart;
  }

  float[] readFloats(TensorInfo info) throws IOException {
    requireType(info, info.dtype().isFloat(), "F32, F16 or BF16");
    float[] values = new float[arrayLength(info)];
    readFloats(info, 0, values.length, values, 0);
    return values;
  }

  /** Reads elements {@code first} to {@code first + length - 1}, which the tensor has. */
  void readFloats(TensorInfo info, long first, int length, float[] target, int offset)
      throws IOException {
    requireType(info, info.dtype().isFloat(), "F32, F16 or BF16");
    if (info.dtype() == DType.F32) {
      read(
          info,
          first,
          length,
          (block, from, count) -> block.asFloatBuffer().get(target, offset + from, count));
      return;
    }
    short[] halves = new short[blockElements(info, length)];
    boolean brain = info.dtype() == DType.BF16;
    read(
        info,
        first,
        length,
        (block, from, count) -> {
          block.asShortBuffer().get(halves, 0, count);
          for (int i = 0; i < count; i++) {
            target[offset + from + i] =
                brain ? Float.intBitsToFloat(halves[i] << 16) : Float16.toFloat(halves[i]);
          }
        });
  }

  int[] readInts(TensorInfo info) throws IOException {
    requireType(info, info.dtype().isInt(), "I32 or I64");
    int[] values = new int[arrayLength(info)];
    if (info.dtype() == DType.I32) {
      read(
          info,
          0,
          values.length,
          (block, from, count) -> block.asIntBuffer().get(values, from, count));
    } else {
      read(
          info,
          0,
          values.length,
          (block, from, count) -> narrow(info, block.asLongBuffer(), values, from, count));
    }
    return values;
  }

  private void narrow(TensorInfo info, LongBuffer longs, int[] values, int from, int count)
      throws UnsupportedFeatureException {
    for (int i = 0; i < count; i++) {
      long value = longs.get(i);
      if (value != (int) value) {
        throw unsupported(
            "ST-37", info, "integers must fit 32 bits, got " + value + " at index " + (from + i));
      }
      values[from + i] = (int) value;
    }
  }

  /** Takes the elements of one block; the first of them is element {@code from} of what is read. */
  @FunctionalInterface
  private interface BlockSink {
    void accept(ByteBuffer block, int from, int count) throws IOException;
  }

  private void read(TensorInfo info, long first, int length, BlockSink sink) throws IOException {
    int width = info.dtype().bits() / 8;
    byte[] bytes = new byte[blockElements(info, length) * width];
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    try (RandomAccessFile in = new RandomAccessFile(path.toFile(), "r")) {
      if (in.length() != size) {
        throw changed(
            info, "file of " + size + " bytes expected, as when opened, got " + in.length());
      }
      in.seek(dataStart + info.begin() + first * width);
      int count;
      for (int from = 0; from < length; from += count) {
        count = Math.min(bytes.length / width, length - from);
        readFully(in, bytes, count * width, info);
        sink.accept(block, from, count);
      }
    }
  }

  private void readFully(RandomAccessFile in, byte[] bytes, int length, TensorInfo info)
      throws IOException {
    int got = 0;
    while (got < length) {
      int n = in.read(bytes, got, length - got);
      if (n < 0) {
        throw changed(
            info, "the file was truncated while it was read, at byte " + in.getFilePointer());
      }
      got += n;
    }
  }

  private static int blockElements(TensorInfo info, int length) {
    return Math.min(BLOCK_BYTES / (info.dtype().bits() / 8), length);
  }

  private int arrayLength(TensorInfo info) throws UnsupportedFeatureException {
    if (info.elements() > MAX_ARRAY_LENGTH) {
      throw unsupported(
          "ST-37",
          info,
          "at most " + MAX_ARRAY_LENGTH + " elements fit a Java array, got " + info.elements());
    }
    return (int) info.elements();
  }

  private void requireType(TensorInfo info, boolean readable, String expected)
      throws UnsupportedFeatureException {
    if (!readable) {
      throw unsupported(
          "ST-22",
          info,
          "dtype must be " + expected + ", got " + info.dtype() + " (convert the tensor first)");
    }
  }

  private UnsupportedFeatureException unsupported(String code, TensorInfo info, String problem) {
    return new UnsupportedFeatureException(code, path.toString(), "tensor " + info.name(), problem);
  }

  private SafetensorsFormatException changed(TensorInfo info, String problem) {
    return new SafetensorsFormatException(
        "ST-40",
        path.toString(),
        "tensor " + info.name(),
        problem + " (another process changes it)");
  }
}
