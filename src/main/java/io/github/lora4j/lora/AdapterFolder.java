package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.tensor.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** The folder of an adapter: whether it is one, whose files are in it, and whether they fit. */
final class AdapterFolder {

  private static final int BLOCK = 1 << 16;

  private AdapterFolder() {}

  /**
   * Requires a folder to read from.
   *
   * @throws NoSuchFileException if there is nothing
   * @throws FileSystemException if there is something else
   */
  static void require(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "the folder of an adapter expected");
    }
    if (!Files.isDirectory(folder)) {
      throw new FileSystemException(
          folder.toString(),
          null,
          "the folder of an adapter expected, got a file (name the folder that it is in)");
    }
  }

  /**
   * Makes a folder, and those around it, unless it is there.
   *
   * @return whether it was made
   * @throws FileSystemException if it, or one around it, is something else
   * @throws IOException if it cannot be made
   */
  static boolean create(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return false;
    }
    Path existing = folder.toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    if (existing != null && !Files.isDirectory(existing)) {
      throw new FileSystemException(
          folder.toString(),
          null,
          "a folder to save an adapter in expected, got the file %s (choose another folder, or move"
                  .formatted(existing)
              + " the file away)");
    }
    Files.createDirectories(folder);
    return true;
  }

  /** Removes a folder if there is nothing in it; a failure is added to that which led here. */
  static void removeEmpty(Path folder, Exception failure) {
    try {
      Files.deleteIfExists(folder);
    } catch (DirectoryNotEmptyException others) {
      // Somebody else wrote into it meanwhile: it is theirs.
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
  }

  /** Whether a folder holds PEFT's files and not ours. */
  static boolean isOfPeft(Path folder) {
    return !Files.exists(folder.resolve(AdapterFile.MANIFEST))
        && (Files.exists(folder.resolve(AdapterFile.PEFT_TENSORS))
            || Files.exists(folder.resolve(AdapterFile.PEFT_CONFIG)));
  }

  /** What our own file in a folder says, or what is wrong with the folder. */
  static AdapterManifest manifest(Path folder) throws IOException {
    require(folder);
    if (Files.exists(folder.resolve(AdapterFile.MANIFEST))) {
      return AdapterManifest.read(folder.resolve(AdapterFile.MANIFEST));
    }
    PeftTensors.refusePickle(folder);
    throw new AdapterFormatException(
        "AD-01",
        folder.toString(),
        "",
        "an adapter expected, got a folder without %s and %s"
            .formatted(AdapterFile.MANIFEST, AdapterFile.PEFT_TENSORS));
  }

  /** A file of PEFT's may be missing, it is for others; what is there must be what was written. */
  static void checkHashes(AdapterManifest manifest, Path folder) throws IOException {
    for (String name :
        List.of(AdapterFile.TENSORS, AdapterFile.PEFT_CONFIG, AdapterFile.PEFT_TENSORS)) {
      String expected = manifest.hashes().getOrDefault(name, "none");
      Path file = folder.resolve(name);
      String got = Files.exists(file) ? sha256(file) : "none";
      boolean mayBeMissing = !name.equals(AdapterFile.TENSORS);
      if (!got.equals(expected) && !(mayBeMissing && got.equals("none"))) {
        throw new AdapterFormatException(
            "AD-21",
            file.toString(),
            "",
            "the file that belongs to %s, with SHA-256 %s, expected, got %s"
                    .formatted(AdapterFile.MANIFEST, Excerpt.of(expected), got)
                + " (saving was interrupted, or it was changed since; save the adapter again)");
      }
    }
  }

  private static String sha256(Path file) throws IOException {
    Sha256 digest = new Sha256();
    byte[] block = new byte[BLOCK];
    try (InputStream in = Files.newInputStream(file)) {
      for (int count = in.read(block); count >= 0; count = in.read(block)) {
        digest.add(block, 0, count);
      }
    }
    return digest.hex();
  }
}
