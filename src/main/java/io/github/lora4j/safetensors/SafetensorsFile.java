package io.github.lora4j.safetensors;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;

/**
 * One safetensors file, opened for reading.
 *
 * <p>{@link #open} reads and validates the header and keeps nothing open; each read opens the file,
 * copies what it needs and closes it. The file must not change in between: a change of its size is
 * noticed and refused.
 */
public final class SafetensorsFile implements TensorSource {

  /** The longest header that is read, in bytes; the reference reader's limit. */
  public static final int MAX_HEADER_BYTES = 100_000_000;

  /** The most tensors a file may hold. */
  public static final int MAX_TENSORS = 100_000;

  static final int LENGTH_BYTES = 8;

  private final Path path;
  private final Header header;
  private final TensorReader reader;

  private SafetensorsFile(Path path, Header header, TensorReader reader) {
    this.path = path;
    this.header = header;
    this.reader = reader;
  }

  /**
   * Opens a file: reads its header and checks it, and the file's size, completely.
   *
   * @param path a regular file, or a link to one
   * @return the file
   * @throws SafetensorsFormatException if the file is not well-formed
   * @throws LimitExceededException if its header is longer than {@link #MAX_HEADER_BYTES}, holds
   *     more than {@link #MAX_TENSORS} tensors or is nested too deeply
   * @throws IOException if there is no such file, or it is not a regular file that can be read
   */
  public static SafetensorsFile open(Path path) throws IOException {
    requireReadableFile(path);
    try (RandomAccessFile in = new RandomAccessFile(path.toFile(), "r")) {
      long size = in.length();
      byte[] start = new byte[(int) Math.min(ForeignFormat.PREFIX, size)];
      in.readFully(start);
      int headerBytes = headerBytes(path, start, size);
      byte[] json = new byte[headerBytes];
      in.seek(LENGTH_BYTES);
      in.readFully(json);
      long dataStart = (long) LENGTH_BYTES + headerBytes;
      Header header = HeaderReader.read(path.toString(), json, size - dataStart);
      return new SafetensorsFile(path, header, new TensorReader(path, size, dataStart));
    } catch (EOFException e) {
      throw new SafetensorsFormatException(
          "ST-40", path.toString(), "", "the file was truncated while its header was read");
    }
  }

  /**
   * Refuses what would block or fail obscurely when opened: a pipe, a directory, a dangling link.
   */
  private static void requireReadableFile(Path path) throws IOException {
    String name = path.toString();
    BasicFileAttributes attributes;
    try {
      attributes = Files.readAttributes(path, BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      boolean link = Files.isSymbolicLink(path) && !Files.exists(path);
      throw new NoSuchFileException(
          name, null, link ? "a link to a file that does not exist" : "there is no such file");
    }
    if (!attributes.isRegularFile()) {
      String kind = attributes.isDirectory() ? "a directory" : "a pipe or device";
      throw new FileSystemException(name, null, "expected a regular file, got " + kind);
    }
    if (!Files.isReadable(path)) {
      throw new AccessDeniedException(name, null, "no permission to read this file");
    }
  }

  private static int headerBytes(Path path, byte[] start, long size) throws IOException {
    if (size < LENGTH_BYTES) {
      throw notSafetensors(
          "ST-01", path, start, "a file has at least 8 bytes, this one has size " + size);
    }
    long length = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 0 || length > MAX_HEADER_BYTES) {
      if (ForeignFormat.recognise(start) != null) {
        throw notSafetensors("ST-06", path, start, "expected a safetensors file");
      }
      throw new LimitExceededException(
          "ST-06",
          path.toString(),
          "byte 0",
          "header length must be at most "
              + MAX_HEADER_BYTES
              + ", got "
              + Long.toUnsignedString(length)
              + " in a file of "
              + size
              + " bytes; this is hardly a safetensors file");
    }
    if (length == 0) {
      throw new SafetensorsFormatException(
          "ST-08", path.toString(), "byte 0", "empty header: its length is 0, even {} needs 2");
    }
    if (length > size - LENGTH_BYTES) {
      throw notSafetensors(
          "ST-03",
          path,
          start,
          "header of "
              + length
              + " bytes does not fit into the file of "
              + size
              + " bytes (an incomplete download? Fetch the file again)");
    }
    return (int) length;
  }

  private static SafetensorsFormatException notSafetensors(
      String code, Path path, byte[] start, String problem) {
    String foreign = ForeignFormat.recognise(start);
    return foreign == null
        ? new SafetensorsFormatException(code, path.toString(), "byte 0", problem)
        : new SafetensorsFormatException(
            "ST-31", path.toString(), "byte 0", problem + ": " + foreign);
  }

  /**
   * The free text in the header, such as {@code format = pt}; untrusted.
   *
   * @return keys and values in file order, unmodifiable, empty if there is none
   */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return header.tensors();
  }

  @Override
  public String path(String name) {
    return path.toString();
  }

  @Override
  public List<String> warnings() {
    return header.warnings();
  }

  @Override
  public float[] readFloats(String name) throws IOException {
    return reader.readFloats(tensor(name));
  }

  @Override
  public void readFloats(String name, float[] target, int offset) throws IOException {
    long elements = tensor(name).elements();
    requireRoom(elements, target, offset);
    readFloats(name, 0, (int) elements, target, offset);
  }

  @Override
  public void readFloats(String name, long from, int count, float[] target, int offset)
      throws IOException {
    TensorInfo info = tensor(name);
    if (from < 0 || count < 0 || count > info.elements() - from) {
      throw new IllegalArgumentException(
          "readFloats: elements of the "
              + info.elements()
              + " of "
              + Excerpt.of(name)
              + " expected, got "
              + count
              + " from "
              + from
              + " on");
    }
    requireRoom(count, target, offset);
    reader.readFloats(info, from, count, target, offset);
  }

  private static void requireRoom(long elements, float[] target, int offset) {
    if (offset < 0 || offset > target.length || elements > target.length - offset) {
      throw new IllegalArgumentException(
          "readFloats: room for "
              + elements
              + " elements from "
              + offset
              + " on expected, got an array of "
              + target.length);
    }
  }

  @Override
  public int[] readInts(String name) throws IOException {
    return reader.readInts(tensor(name));
  }

  private TensorInfo tensor(String name) {
    TensorInfo info = header.tensors().get(name);
    if (info == null) {
      throw new IllegalArgumentException(
          "no tensor " + Excerpt.of(name) + " in " + Excerpt.of(path.toString()));
    }
    return info;
  }
}
