package io.github.lora4j.gpt2;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.safetensors.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tokenizer goes with a saved model, byte by byte, or the folder stays as it was. */
class TokenizerFilesTest {

  private static final Gpt2 BASE =
      Gpt2.initialize(new Gpt2Config(70, 9, 6, 1, 3, 20, 1e-6f), QkvLayout.FUSED, 7);
  private static final List<String> MODEL = List.of("config.json", "model.safetensors");
  private static final List<String> ALL =
      List.of(
          "merges.txt",
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "vocab.json");

  @TempDir private Path folder;
  private Path source;
  private Path target;

  @BeforeEach
  void makeSource() throws IOException {
    source = Files.createDirectory(folder.resolve("source"));
    target = folder.resolve("target");
  }

  /** Bytes that are no text, with all line ends: nothing may be changed. */
  private static byte[] bytes(String name) {
    return (name + "\r\n\n\r\u00ff\0").getBytes(StandardCharsets.ISO_8859_1);
  }

  private void put(Path directory, String... names) throws IOException {
    for (String name : names) {
      Files.write(directory.resolve(name), bytes(name));
    }
  }

  private static Map<String, byte[]> content(Path directory) throws IOException {
    Map<String, byte[]> content = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        content.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return content;
  }

  private void assertTargetHas(List<String> tokenizer) throws IOException {
    Map<String, byte[]> content = content(target);
    List<String> names = new ArrayList<>(MODEL);
    names.addAll(tokenizer);
    assertEquals(names.stream().sorted().toList(), List.copyOf(content.keySet()));
    for (String name : tokenizer) {
      assertArrayEquals(bytes(name), content.get(name), name);
    }
  }

  private <E extends IOException> void assertRefused(Class<E> type, String... parts)
      throws IOException {
    Map<String, byte[]> before = Files.exists(target) ? content(target) : Map.of();
    E e = assertThrows(type, () -> BASE.save(target, DType.F16, source));
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    Map<String, byte[]> after = Files.exists(target) ? content(target) : Map.of();
    assertEquals(before.keySet(), after.keySet());
    before.forEach((name, bytes) -> assertArrayEquals(bytes, after.get(name), name));
  }

  @Test
  void allFilesOfATokenizerAreCarriedOverAndNothingElse() throws IOException {
    put(source, ALL.toArray(String[]::new));
    put(source, "README.md", "pytorch_model.bin");
    BASE.save(target, DType.F32, source);
    assertTargetHas(ALL);
  }

  @Test
  void vocabularyAndMergesAreEnough() throws IOException {
    put(source, "vocab.json", "merges.txt");
    BASE.classifier(ClassifierHead.FULL, 5, 2).save(target, DType.F32, source);
    assertTargetHas(List.of("merges.txt", "vocab.json"));
    Gpt2Classifier.load(target, LoadOptions.DEFAULT);
  }

  @Test
  void olderFilesAreReplaced() throws IOException {
    put(source, "vocab.json", "merges.txt");
    Files.createDirectory(target);
    Files.writeString(target.resolve("vocab.json"), "older");
    Files.writeString(target.resolve("config.json"), "older");
    BASE.save(target, DType.F32, source);
    assertTargetHas(List.of("merges.txt", "vocab.json"));
  }

  @Test
  void baseMayBeSavedInItsOwnFolder() throws IOException {
    target = source;
    put(source, ALL.toArray(String[]::new));
    BASE.save(source, DType.F32, source);
    assertTargetHas(ALL);
  }

  @Test
  void folderWithoutATokenizerIsAccepted() throws IOException {
    BASE.save(target, DType.F32, source);
    assertTargetHas(List.of());
    put(source, "tokenizer.json");
    BASE.save(target, DType.F32, source);
    assertTargetHas(List.of("tokenizer.json"));
  }

  @Test
  void halfAPairIsRefusedAndTheOldModelStays() throws IOException {
    put(source, "vocab.json", "tokenizer.json");
    assertRefused(NoSuchFileException.class, "merges.txt", "only vocab.json", source.toString());
    assertFalse(Files.exists(target));
    BASE.save(target, DType.F32);
    assertRefused(NoSuchFileException.class, "merges.txt");
    Files.delete(source.resolve("vocab.json"));
    put(source, "merges.txt");
    assertRefused(NoSuchFileException.class, "vocab.json", "only merges.txt");
  }

  @Test
  void missingFolderAndWhatIsNoFileAreRefused() throws IOException {
    BASE.save(target, DType.F32);
    put(source, "merges.txt");
    Files.createDirectory(source.resolve("vocab.json"));
    assertRefused(FileSystemException.class, "vocab.json", "regular file");
    source = folder.resolve("none");
    assertRefused(NoSuchFileException.class, source.toString(), "no such folder");
  }

  @Test
  void fileOfAnotherTokenizerIsNotLeftBeside() throws IOException {
    put(source, "vocab.json", "merges.txt");
    BASE.save(target, DType.F32, source);
    put(target, "tokenizer.json");
    assertRefused(FileSystemException.class, target.resolve("tokenizer.json").toString(), "remove");
  }

  @Test
  void failureAtTheLastFileLeavesTheOldModel() throws IOException {
    put(source, ALL.toArray(String[]::new));
    BASE.save(target, DType.F32);
    // A folder cannot be replaced by a file; this name is the last to be written.
    Files.createDirectory(target.resolve("special_tokens_map.json"));
    Map<String, byte[]> before = new TreeMap<>();
    for (String name : MODEL) {
      before.put(name, Files.readAllBytes(target.resolve(name)));
    }
    assertThrows(FileSystemException.class, () -> BASE.save(target, DType.F16, source));
    for (String name : MODEL) {
      assertArrayEquals(before.get(name), Files.readAllBytes(target.resolve(name)), name);
    }
    try (Stream<Path> files = Files.list(target)) {
      assertEquals(3, files.count());
    }
  }
}
