package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.ClassifierHead;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.QkvLayout;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The rows AD-21 and AD-22: a save that is killed between two files, and one that fails. */
class AdapterSaveFaultsTest {

  private static final AdapterMetadata METADATA = AdapterMetadata.of(TaskType.SEQ_CLS);
  private static final Pattern BOTH_HASHES =
      Pattern.compile("SHA-256 ([0-9a-f]{64}|none), expected, got ([0-9a-f]{64}|none) \\(");

  /** What a folder holds before the save. */
  enum Old {
    NOTHING,
    PEFT_ALONE,
    OURS_AND_PEFT,
    OURS_ALONE;

    void writeTo(Path folder) throws IOException {
      switch (this) {
        case NOTHING -> Files.createDirectories(folder);
        case PEFT_ALONE -> DamagedAdapter.copyOf("seq-cls", folder);
        case OURS_AND_PEFT -> AdapterFile.save(adapted(4, Targets.all(), 1), METADATA, folder);
        case OURS_ALONE ->
            AdapterFile.save(adapted(4, Targets.named("score"), 1), METADATA, folder);
      }
    }
  }

  /** What is saved: PEFT has no word for a branch beside a head alone. */
  enum New {
    OURS_AND_PEFT,
    OURS_ALONE;

    SequenceModel model() throws IOException {
      return adapted(99, this == OURS_ALONE ? Targets.named("score") : Targets.all(), 2);
    }
  }

  @TempDir private Path temp;
  private Path folder;

  @BeforeEach
  void nameTheFolder() {
    folder = temp.resolve("adapter");
  }

  private static SequenceModel model() throws IOException {
    Gpt2 base = Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), QkvLayout.FUSED);
    SequenceModel model = base.classifier(ClassifierHead.LORA, 3, 3);
    model.freeze();
    return model;
  }

  private static SequenceModel adapted(float alpha, Targets targets, long seed) throws IOException {
    SequenceModel model = model();
    Lora.apply(model, LoraConfig.of(4, alpha).withTargets(targets).withSeed(seed));
    SmallModels.randomizeB(model, seed);
    return model;
  }

  private static ModelState loaded(Path folder) throws IOException {
    SequenceModel model = model();
    ModelState before = ModelState.of(model);
    try {
      AdapterFile.load(model, folder);
    } catch (AdapterFormatException e) {
      assertEquals(before, ModelState.of(model));
      throw e;
    }
    return ModelState.of(model);
  }

  // --- AD-21: killed between two files -----------------------------------------------------------

  static Stream<Arguments> saves() {
    return Stream.of(Old.values())
        .flatMap(old -> Stream.of(New.values()).map(other -> Arguments.of(old, other)));
  }

  @ParameterizedTest
  @MethodSource("saves")
  void ad21WhereverASaveIsKilledThereIsNoMixture(Old old, New other) throws IOException {
    old.writeTo(folder);
    ModelState before = old == Old.NOTHING ? null : loaded(folder);
    List<Path> crashes = new ArrayList<>();
    try (StagedFiles files = new StagedFiles(folder)) {
      AdapterWriter.of(other.model(), METADATA).stage(files);
      do {
        crashes.add(copied(temp.resolve("killed after " + crashes.size())));
      } while (files.commitNext());
    }
    ModelState after = loaded(folder);
    assertNotEquals(before, after);

    List<String> outcomes = new ArrayList<>();
    for (Path crash : crashes) {
      try {
        ModelState state = loaded(crash);
        assertTrue(state.equals(before) || state.equals(after), "a mixture in " + crash);
        outcomes.add(state.equals(after) ? "new" : "old");
      } catch (AdapterFormatException e) {
        outcomes.add(e.code());
        assertTrue(
            e.code().equals("AD-01") || BOTH_HASHES.matcher(e.getMessage()).find(), e.getMessage());
      }
    }
    assertEquals(old == Old.NOTHING ? "AD-01" : "old", outcomes.remove(0), "nothing was moved");
    assertEquals("new", outcomes.remove(outcomes.size() - 1), "all was done");
    assertTrue(outcomes.size() >= 2, "a step for each file");
    assertFalse(outcomes.contains("AD-01") || outcomes.contains("old"), outcomes.toString());
    assertTrue(outcomes.contains("AD-21"), outcomes.toString());
  }

  private Path copied(Path target) throws IOException {
    Files.createDirectory(target);
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
    return target;
  }

  /** Why the order matters: PEFT's files hold no hashes of each other. */
  @Test
  void ad21OneFileOfPeftsIsTakenForThatOfAnotherAdapter() throws IOException {
    Old.PEFT_ALONE.writeTo(folder);
    ModelState old = loaded(folder);
    Path other = temp.resolve("other");
    AdapterFile.save(New.OURS_AND_PEFT.model(), METADATA, other);
    Files.write(
        folder.resolve("adapter_config.json"),
        Files.readAllBytes(other.resolve("adapter_config.json")));
    ModelState mixture = loaded(folder);
    assertNotEquals(old, mixture);
    assertNotEquals(loaded(other), mixture);
  }

  @ParameterizedTest
  @ValueSource(strings = {"adapter_config.json", "adapter_model.safetensors", "lora4j.safetensors"})
  void ad21AFileOfAnotherAdapterIsRefusedWithBothHashes(String name) throws Exception {
    Old.OURS_AND_PEFT.writeTo(folder);
    Path originals = copied(temp.resolve("originals"));
    Path other = temp.resolve("other");
    AdapterFile.save(New.OURS_AND_PEFT.model(), METADATA, other);
    Files.write(folder.resolve(name), Files.readAllBytes(other.resolve(name)));
    AdapterFormatException e = assertThrows(AdapterFormatException.class, () -> loaded(folder));
    assertEquals("AD-21", e.code());
    assertEquals(folder.resolve(name).toString(), e.path());
    String expected = sha256(originals.resolve(name));
    String got = sha256(other.resolve(name));
    assertTrue(
        e.getMessage().contains("SHA-256 " + expected + ", expected, got " + got), e.getMessage());
  }

  private static String sha256(Path file) throws Exception {
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
    return HexFormat.of().formatHex(digest);
  }

  // --- AD-22: a save that fails ------------------------------------------------------------------

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adapter_config.json",
        "adapter_model.safetensors",
        "lora4j.safetensors",
        "lora4j.json"
      })
  void ad22AFolderWhereAFileShouldBe(String blocked) throws IOException {
    Old.OURS_AND_PEFT.writeTo(folder);
    Files.delete(folder.resolve(blocked));
    Files.createDirectory(folder.resolve(blocked));
    Map<String, String> before = AdapterFileTest.contents(folder);
    for (New each : New.values()) {
      SequenceModel model = each.model();
      IOException e =
          assertThrows(IOException.class, () -> AdapterFile.save(model, METADATA, folder));
      assertTrue(e.getMessage().startsWith(folder.resolve(blocked) + ": "), e.getMessage());
      assertTrue(e.getMessage().contains("got a folder or a device"), e.getMessage());
      assertEquals(before, AdapterFileTest.contents(folder));
    }
  }

  @Test
  void ad22AFileWhereTheFolderShouldBe() throws IOException {
    Files.writeString(folder, "mine");
    SequenceModel model = New.OURS_AND_PEFT.model();
    ModelState before = ModelState.of(model);
    for (Path target : List.of(folder, folder.resolve("deeper/still"))) {
      FileSystemException e =
          assertThrows(FileSystemException.class, () -> AdapterFile.save(model, METADATA, target));
      assertEquals(target.toString(), e.getFile());
      assertTrue(
          e.getMessage()
              .contains(
                  "a folder to save an adapter in expected, got the file "
                      + folder
                      + " (choose another folder"),
          e.getMessage());
    }
    assertEquals("mine", Files.readString(folder));
    assertEquals(before, ModelState.of(model));
  }

  @Test
  void ad22OfAFolderThatWasMadeForItNothingIsLeft() throws Exception {
    assumeTrue(Files.exists(Path.of("/bin/sh")));
    String output = Saving.under("ulimit -f 64", folder);
    assertTrue(output.contains("refused " + folder + "/adapter_model.safetensors: "), output);
    assertFalse(Files.exists(folder));

    Files.createDirectory(folder);
    output = Saving.under("ulimit -f 64", folder);
    assertTrue(output.contains("refused "), output);
    assertTrue(Files.isDirectory(folder), "a folder that was there is the user's");
    assertEquals(Map.of(), AdapterFileTest.contents(folder));
  }

  /** A limit on the size of files is a full disk for who has no other disk to fill. */
  @Test
  void ad22NoRoomForAllOfIt() throws Exception {
    assumeTrue(Files.exists(Path.of("/bin/sh")));
    Old.OURS_AND_PEFT.writeTo(folder);
    Map<String, String> before = AdapterFileTest.contents(folder);
    String output = Saving.under("ulimit -f 64", folder); // 32 or 64 KiB, as the shell has it
    assertTrue(output.contains("refused " + folder + "/adapter_model.safetensors: "), output);
    assertTrue(output.contains("got File too large ("), output);
    assertTrue(
        Pattern.compile(
                "\\([0-9]+ bytes are free, the file has got (32768|65536) and needs more\\)")
            .matcher(output)
            .find(),
        output);
    assertEquals(before, AdapterFileTest.contents(folder));

    assertTrue(Saving.under(":", folder).contains("saved"), output);
    assertNotEquals(before, AdapterFileTest.contents(folder));
  }

  /** Saves an adapter in a process of its own. */
  static final class Saving {

    private Saving() {}

    public static void main(String[] folder) throws IOException {
      try {
        SequenceModel model = model();
        Lora.replaceLinearWithLora(model, 16, 1); // 150 KB of branches
        AdapterFile.save(model, METADATA, Path.of(folder[0]));
        System.out.println("saved");
      } catch (FileSystemException e) {
        System.out.println("refused " + e.getMessage());
      }
    }

    static String under(String limit, Path folder) throws IOException, InterruptedException {
      Process process =
          new ProcessBuilder(
                  "/bin/sh",
                  "-c",
                  limit + "; exec \"$@\"",
                  "sh",
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:-UsePerfData", // a file in /tmp, limited as well
                  "-Xmx256m",
                  "-Dlora4j.fixtures=" + Fixtures.folder(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Saving.class.getName(),
                  folder.toString())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(process.waitFor(1, TimeUnit.MINUTES), output);
      return output;
    }
  }
}
