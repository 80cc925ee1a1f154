package io.github.lora4j.gpt2;

import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tokenizer files of a model's folder, carried over to another byte by byte. */
final class TokenizerFiles {

  private static final Logger log = LoggerFactory.getLogger(TokenizerFiles.class);

  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";

  /** All that transformers looks for, the two that are enough first. */
  private static final List<String> NAMES =
      List.of(
          VOCABULARY, MERGES, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json");

  private final List<Path> files;

  private TokenizerFiles(List<Path> files) {
    this.files = files;
  }

  /**
   * Looks what there is to carry over.
   *
   * @param source the folder that has them, or null for no files at all
   * @param target the folder that shall get them; need not exist
   * @return the files that are there, perhaps none
   * @throws IOException if there is no such folder, one of the vocabulary and its merges is there
   *     without the other, a file is something else, or the target has files of another tokenizer
   *     that would stay beside these
   */
  static TokenizerFiles of(@Nullable Path source, Path target) throws IOException {
    if (source == null) {
      return new TokenizerFiles(List.of());
    }
    if (!Files.isDirectory(source)) {
      throw new NoSuchFileException(
          source.toString(), null, "save: a folder with a tokenizer expected, no such folder");
    }
    List<String> present = new ArrayList<>();
    for (String name : NAMES) {
      if (isPresent(source.resolve(name))) {
        present.add(name);
      }
    }
    requirePair(source, present);
    if (!present.isEmpty()) {
      requireNoOthers(source, target, present);
    }
    return new TokenizerFiles(present.stream().map(source::resolve).toList());
  }

  private static boolean isPresent(Path file) throws IOException {
    boolean isThere = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    if (isThere && !Files.isRegularFile(file)) {
      throw new FileSystemException(
          file.toString(), null, "save: a regular file expected, got something else");
    }
    return isThere;
  }

  private static void requirePair(Path source, List<String> present) throws IOException {
    boolean hasVocabulary = present.contains(VOCABULARY);
    boolean hasMerges = present.contains(MERGES);
    if (hasVocabulary != hasMerges) {
      throw new NoSuchFileException(
          source.resolve(hasVocabulary ? MERGES : VOCABULARY).toString(),
          null,
          "save: %s and %s together expected, got only %s (fetch the tokenizer of the base again)"
              .formatted(VOCABULARY, MERGES, hasVocabulary ? VOCABULARY : MERGES));
    }
    if (!hasVocabulary) {
      log.info("{}: neither {} nor {} to carry over", source, VOCABULARY, MERGES);
    }
  }

  /** A reader would mix them: transformers takes a tokenizer.json before all else. */
  private static void requireNoOthers(Path source, Path target, List<String> present)
      throws IOException {
    for (String name : NAMES) {
      Path other = target.resolve(name);
      if (!present.contains(name) && Files.exists(other, LinkOption.NOFOLLOW_LINKS)) {
        throw new FileSystemException(
            other.toString(),
            null,
            "save: no file of another tokenizer expected, got one that %s does not have (remove it)"
                .formatted(source));
      }
    }
  }

  /** Writes the files that were there. */
  void stage(StagedFiles staged) throws IOException {
    for (Path file : files) {
      // Opened before, lest a file that cannot be read look like one that cannot be written.
      try (InputStream in = Files.newInputStream(file)) {
        staged.write(file.getFileName().toString(), in::transferTo);
      }
    }
  }
}
