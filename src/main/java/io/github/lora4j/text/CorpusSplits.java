package io.github.lora4j.text;

/**
 * Three parts of a corpus, or three corpora.
 *
 * @param train to learn from
 * @param validation to watch the training with; may be empty
 * @param test to judge the result by; may be empty
 */
public record CorpusSplits(TextCorpus train, TextCorpus validation, TextCorpus test) {}
