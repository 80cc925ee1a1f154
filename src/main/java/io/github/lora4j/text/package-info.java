/**
 * From text to batches: the tokenizer, labelled data sets and plain-text corpora, their splits, and
 * the loaders that hand out batches epoch by epoch.
 *
 * <p>The way of the data: {@link io.github.lora4j.text.TextDataset} or {@link
 * io.github.lora4j.text.TextCorpus} (read, checked, immutable), then a loader with a {@link
 * io.github.lora4j.text.Tokenizer}, then {@link io.github.lora4j.text.Batch}. A batch is the token
 * ids of its sequences laid end to end plus their offsets; nothing is padded unless asked.
 *
 * <p>Shapes in this package: {@code B} sequences in a batch, {@code N} tokens in a batch.
 *
 * <p>No tensors and no models here: this package depends on {@code error} alone. Files are read
 * strictly; a bad one is refused with its path, the place and a code. Every order drawn here is a
 * pure function of its seed and epoch.
 */
@NullMarked
package io.github.lora4j.text;

import org.jspecify.annotations.NullMarked;
