/**
 * Training: the optimizer, the loop over batches, evaluation and its metrics.
 *
 * <p>A {@link io.github.lora4j.train.Trainer} sees a {@link io.github.lora4j.nn.SequenceModel} and
 * batches of targets; it knows neither LoRA nor a particular model, and trains whatever parameters
 * of the model are not frozen.
 */
@NullMarked
package io.github.lora4j.train;

import org.jspecify.annotations.NullMarked;
