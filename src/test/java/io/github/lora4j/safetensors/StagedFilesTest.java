package io.github.lora4j.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagedFilesTest {

  @TempDir Path folder;

  @BeforeEach
  void writeOldFiles() throws IOException {
    Files.writeString(folder.resolve("a"), "old a");
    Files.writeString(folder.resolve("b"), "old b");
  }

  private static StagedFiles.Content text(String text) {
    return out -> out.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private Map<String, String> contents() throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        contents.put(
            file.getFileName().toString(),
            Files.isDirectory(file) ? "a folder" : Files.readString(file));
      }
    }
    return contents;
  }

  @Test
  void committedFilesReplaceTheOldOnesAndLeaveNothingElse() throws IOException {
    try (StagedFiles files = new StagedFiles(folder)) {
      files.write("b", text("new b"));
      files.write("c", text("new c"));
      assertEquals("old b", Files.readString(folder.resolve("b")));
      files.commit();
    }
    assertEquals(Map.of("a", "old a", "b", "new b", "c", "new c"), contents());
  }

  @Test
  void whatIsNotCommittedIsRemoved() throws IOException {
    try (StagedFiles files = new StagedFiles(folder)) {
      files.write("a", text("new a"));
      files.write("c", text("new c"));
    }
    assertEquals(Map.of("a", "old a", "b", "old b"), contents());
  }

  @Test
  void eachStepOfACommitMovesOrRemovesOneFileInTheOrderAskedFor() throws IOException {
    try (StagedFiles files = new StagedFiles(folder)) {
      files.remove("b");
      files.remove("absent");
      files.write("a", text("new a"));
      files.write("c", text("new c"));
      files.write("sums", text("new sums"));
      files.moveFirst("sums");
      List<Map<String, String>> steps = new ArrayList<>();
      while (files.commitNext()) {
        Map<String, String> contents = contents();
        contents.keySet().removeIf(name -> name.startsWith("."));
        steps.add(contents);
      }
      assertEquals(Map.of("a", "old a", "b", "old b", "sums", "new sums"), steps.get(0));
      assertEquals(Map.of("a", "new a", "b", "old b", "sums", "new sums"), steps.get(1));
      Map<String, String> moved =
          Map.of("a", "new a", "b", "old b", "c", "new c", "sums", "new sums");
      assertEquals(moved, steps.get(2));
      assertEquals(5, steps.size());
    }
    assertEquals(Map.of("a", "new a", "c", "new c", "sums", "new sums"), contents());
  }

  @Test
  void whatIsNotCommittedRemovesNothing() throws IOException {
    Files.createDirectory(folder.resolve("c"));
    try (StagedFiles files = new StagedFiles(folder)) {
      files.remove("a");
      files.write("b", text("new b"));
      assertThrows(IOException.class, () -> files.remove("c"));
      assertThrows(IllegalArgumentException.class, () -> files.moveFirst("a"));
    }
    assertEquals(Map.of("a", "old a", "b", "old b", "c", "a folder"), contents());
  }

  @Test
  void contentThatFailsLeavesTheFolderAsItWasAndNamesTheFile() throws IOException {
    IOException full = new IOException("No space left on device");
    IOException e =
        assertThrows(
            IOException.class,
            () -> {
              try (StagedFiles files = new StagedFiles(folder)) {
                files.write("a", text("new a"));
                files.write(
                    "b",
                    out -> {
                      out.write(1);
                      throw full;
                    });
              }
            });
    assertSame(full, e.getCause());
    assertTrue(e.getMessage().startsWith(folder.resolve("b") + ": "), e.getMessage());
    assertTrue(e.getMessage().contains("No space left on device ("), e.getMessage());
    assertEquals(Map.of("a", "old a", "b", "old b"), contents());

    IllegalStateException bug = new IllegalStateException();
    assertSame(
        bug,
        assertThrows(
            IllegalStateException.class,
            () ->
                StagedFiles.replace(
                    folder.resolve("a"),
                    out -> {
                      throw bug;
                    })));
    assertEquals(Map.of("a", "old a", "b", "old b"), contents());
  }

  @Test
  void folderInTheWayIsFoundBeforeAFileIsMoved() throws IOException {
    Files.createDirectory(folder.resolve("c"));
    IOException e =
        assertThrows(
            IOException.class,
            () -> {
              try (StagedFiles files = new StagedFiles(folder)) {
                files.write("a", text("new a"));
                files.write("c", text("new c"));
                files.commit();
              }
            });
    assertTrue(e.getMessage().startsWith(folder.resolve("c") + ": "), e.getMessage());
    assertEquals(Map.of("a", "old a", "b", "old b", "c", "a folder"), contents());
  }

  @Test
  void deviceIsNeverReplaced() throws IOException {
    Path device = Path.of("/dev/null");
    assumeTrue(Files.exists(device));
    assertThrows(IOException.class, () -> StagedFiles.replace(device, text("x")));
    assertFalse(Files.isRegularFile(device));
  }

  @Test
  void missingFolderIsNamedWithTheFile() {
    Path file = folder.resolve("absent").resolve("file");
    IOException e = assertThrows(IOException.class, () -> StagedFiles.replace(file, text("x")));
    assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
    assertTrue(e.getMessage().endsWith("no such folder"), e.getMessage());
  }

  @Test
  void fileHasTheRightsOfEveryNewFile() throws IOException {
    assumeTrue(folder.getFileSystem().supportedFileAttributeViews().contains("posix"));
    Path plain = Files.createFile(folder.resolve("plain"));
    StagedFiles.replace(folder.resolve("a"), text("new a"));
    assertEquals(
        Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(folder.resolve("a")));
  }
}
