package io.github.lora4j.safetensors;

import static io.github.lora4j.safetensors.FileBytes.entry;
import static io.github.lora4j.safetensors.FileBytes.file;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertThrowsExactly;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Huge files, deep files, and paths that are no regular files. */
class SpecialFilesTest {

  @TempDir Path folder;

  /** A file with a header and data of zeros that take no place on the disk. */
  private Path sparse(String header, long dataBytes) throws IOException {
    Path path = folder.resolve("sparse.safetensors");
    byte[] start = file(header, 0);
    try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
      out.write(start);
      out.setLength(start.length + dataBytes);
    } catch (IOException e) {
      assumeTrue(false, "no sparse files here: " + e);
    }
    return path;
  }

  private static long allocatedBy(org.junit.jupiter.api.function.Executable action)
      throws Throwable {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    action.execute();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  /** ST-06. */
  @Test
  void aHeaderOneByteOverTheLimitIsRefusedUnread() throws Throwable {
    Path path = folder.resolve("long.safetensors");
    try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
      out.writeLong(Long.reverseBytes(100_000_001L));
      out.setLength(8 + 100_000_001L);
    }
    long allocated =
        allocatedBy(
            () -> {
              var e =
                  assertThrowsExactly(
                      LimitExceededException.class, () -> SafetensorsFile.open(path));
              assertEquals("ST-06", e.code());
              assertTrue(
                  e.getMessage().contains("at most 100000000, got 100000001"), e.getMessage());
            });
    assertTrue(allocated < 1 << 20, "allocated " + allocated);
  }

  /** ST-07: the length field promises 99 MB that are not there. */
  @Test
  void nothingIsAllocatedFromALengthThatTheFileDoesNotHave() throws Throwable {
    Path path = folder.resolve("short.safetensors");
    Files.write(path, FileBytes.hex("c09ee60500000000"));
    long allocated =
        allocatedBy(
            () ->
                assertThrowsExactly(
                    SafetensorsFormatException.class, () -> SafetensorsFile.open(path)));
    assertTrue(allocated < 1 << 20, "allocated " + allocated);
  }

  /** ST-15. */
  @Test
  void aDepthBombDoesNotOverflowASmallStack() throws Exception {
    Path path = folder.resolve("deep.safetensors");
    Files.write(path, file("{\"a\":" + "[".repeat(1_000_000), 0));
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread small =
        new Thread(
            null,
            () -> {
              try {
                SafetensorsFile.open(path);
              } catch (Throwable e) {
                thrown.set(e);
              }
            },
            "small stack",
            256 << 10);
    small.start();
    small.join();
    assertEquals(LimitExceededException.class, thrown.get().getClass());
  }

  /** ST-33. */
  @Test
  void twoMillionEmptyTensorsAreRefusedAtTheLimit() throws Throwable {
    StringBuilder header = new StringBuilder(96_000_000).append('{');
    for (int i = 0; header.length() < 90_000_000; i++) {
      header.append(i == 0 ? "" : ",");
      header
          .append("\"")
          .append(i)
          .append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    byte[] bytes = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    Path path = folder.resolve("many.safetensors");
    Files.write(path, file(bytes, new byte[0]));
    long allocated =
        allocatedBy(
            () -> {
              var e =
                  assertThrowsExactly(
                      LimitExceededException.class, () -> SafetensorsFile.open(path));
              assertEquals("ST-33", e.code());
              assertTrue(e.getMessage().contains("100000") && e.getMessage().contains("100001"));
            });
    assertTrue(allocated < 3L * bytes.length, "allocated " + allocated);
  }

  /** ST-36. */
  @Test
  void tensorsBeyondTwoGibibytesAreRead() throws Exception {
    long third = (5L << 30) / 3 / 4 * 4;
    String shape = "[" + third / 4 + "]";
    String header =
        "{"
            + entry("a", "F32", shape, "[0," + third + "]")
            + ","
            + entry("b", "F32", shape, "[" + third + "," + 2 * third + "]")
            + ","
            + entry("c", "F32", "[2]", "[" + 2 * third + "," + (2 * third + 8) + "]")
            + "}";
    Path path = sparse(header, 2 * third + 8);
    try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
      out.seek(out.length() - 4);
      out.write(FileBytes.hex("0000803f"));
    }
    SafetensorsFile file = SafetensorsFile.open(path);
    assertArrayEquals(new float[] {0, 1}, file.readFloats("c"));
  }

  /** ST-37. */
  @Test
  void aTensorThatExceedsAnArrayOpensAndIsRefusedWhenRead() throws Exception {
    long elements = 1L << 31;
    Path path =
        sparse(
            "{" + entry("w", "F32", "[" + elements + "]", "[0," + 4 * elements + "]") + "}",
            4 * elements);
    SafetensorsFile file = SafetensorsFile.open(path);
    var e = assertThrowsExactly(UnsupportedFeatureException.class, () -> file.readFloats("w"));
    assertEquals("ST-37", e.code());
    assertTrue(
        e.getMessage().contains("got 2147483648") && e.location().equals("tensor w"),
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> file.readFloats("w", new float[8], 0));
    file.readFloats("w", elements - 8, 8, new float[8], 0);
  }

  /** ST-41. */
  @Test
  void pathsThatAreNoRegularFilesAreRefusedByKind() throws Exception {
    var directory = assertThrows(FileSystemException.class, () -> SafetensorsFile.open(folder));
    assertTrue(directory.getMessage().contains("a directory"), directory.getMessage());
    Path absent = folder.resolve("absent");
    var missing =
        assertThrowsExactly(NoSuchFileException.class, () -> SafetensorsFile.open(absent));
    assertTrue(missing.getMessage().contains(absent.toString()), missing.getMessage());
  }

  /** ST-41. */
  @Test
  void linksAreFollowedAndADanglingOneIsCalledSo() throws Exception {
    Path target = Files.write(folder.resolve("target"), FileBytes.valid());
    Path link = folder.resolve("link");
    try {
      Files.createSymbolicLink(link, target);
    } catch (IOException | UnsupportedOperationException e) {
      assumeTrue(false, "no links here: " + e);
    }
    assertArrayEquals(new int[4], SafetensorsFile.open(link).readInts("test"));
    Files.delete(target);
    var e = assertThrowsExactly(NoSuchFileException.class, () -> SafetensorsFile.open(link));
    assertTrue(e.getMessage().contains("a link to a file that does not exist"), e.getMessage());
  }

  /** ST-41. */
  @Test
  void aPipeDoesNotHang() throws Exception {
    Path pipe = folder.resolve("pipe");
    try {
      assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0);
    } catch (IOException e) {
      assumeTrue(false, "no mkfifo here: " + e);
    }
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> {
          var e = assertThrows(FileSystemException.class, () -> SafetensorsFile.open(pipe));
          assertTrue(e.getMessage().contains("a pipe or device"), e.getMessage());
        });
  }

  /** ST-41. */
  @Test
  void aFileWithoutPermissionIsRefused() throws Exception {
    Path path = Files.write(folder.resolve("secret"), FileBytes.valid());
    assumeTrue(path.getFileSystem().supportedFileAttributeViews().contains("posix"));
    Files.setPosixFilePermissions(path, Set.<PosixFilePermission>of());
    assumeFalse(Files.isReadable(path), "this user may read everything");
    assertThrowsExactly(AccessDeniedException.class, () -> SafetensorsFile.open(path));
  }
}
