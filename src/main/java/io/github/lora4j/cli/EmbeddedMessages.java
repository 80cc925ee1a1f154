package io.github.lora4j.cli;

import io.github.lora4j.text.DatasetOptions;
import io.github.lora4j.text.Splits;
import io.github.lora4j.text.TextDataset;
import java.io.IOException;
import java.io.InputStream;

/** The messages in the jar, in three parts that no two near-duplicates are divided among. */
final class EmbeddedMessages {

  private EmbeddedMessages() {}

  static Splits splits() throws IOException {
    return Splits.of(part("train.tsv"), part("validation.tsv"), test());
  }

  /** The part that no training sees. */
  static TextDataset test() throws IOException {
    return part("test.tsv");
  }

  private static TextDataset part(String name) throws IOException {
    try (InputStream in = EmbeddedMessages.class.getResourceAsStream("data/" + name)) {
      if (in == null) {
        throw new IllegalStateException("no embedded " + name);
      }
      return TextDataset.read(in, name, DatasetOptions.tsv());
    }
  }
}
