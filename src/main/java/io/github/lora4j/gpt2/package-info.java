/**
 * GPT-2 (Radford et al. 2019): its configuration, its module tree, and its published files.
 *
 * <p>Start at {@link io.github.lora4j.gpt2.Gpt2}: the weights of a base, read from a folder in the
 * Hugging Face layout, from which language models and classifiers are made that share them. The
 * module tree carries the names of the published files; their {@code Conv1D} weights, stored as
 * {@code (in, out)}, are turned to {@code (out, in)} once, when they are read.
 *
 * <p>Tokenizers, training and adapters do not belong here.
 */
@NullMarked
package io.github.lora4j.gpt2;

import org.jspecify.annotations.NullMarked;
