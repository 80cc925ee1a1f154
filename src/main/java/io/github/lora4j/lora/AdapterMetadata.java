package io.github.lora4j.lora;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What is saved with an adapter besides its numbers, so that who loads it builds the same model and
 * prepares texts in the same way.
 *
 * @param task what the model answers with
 * @param baseModel the name of the base model for readers of the file, or null if it has none;
 *     never opened
 * @param labels the names of the classes in the order of the logits, empty for a language model
 * @param facts anything else by name, such as the layout of the base, pooling, padding and the
 *     tokenizer's fingerprint, or what the receipt of its training says; returned as they were
 *     given
 */
public record AdapterMetadata(
    TaskType task, @Nullable String baseModel, List<String> labels, Map<String, String> facts) {

  /** Copies the lists; the facts are sorted by name. */
  public AdapterMetadata {
    labels = List.copyOf(labels);
    SortedMap<String, String> sorted = new TreeMap<>(facts);
    facts = Collections.unmodifiableSortedMap(sorted);
  }

  /**
   * Metadata without labels or facts.
   *
   * @param task what the model answers with
   * @return the metadata
   */
  public static AdapterMetadata of(TaskType task) {
    return new AdapterMetadata(task, null, List.of(), Map.of());
  }

  /**
   * The same with further facts.
   *
   * @param more by name; they replace those of the same name
   * @return a copy
   */
  public AdapterMetadata withFacts(Map<String, String> more) {
    Map<String, String> all = new TreeMap<>(facts);
    all.putAll(more);
    return new AdapterMetadata(task, baseModel, labels, all);
  }
}
