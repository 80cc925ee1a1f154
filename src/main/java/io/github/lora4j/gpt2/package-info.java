/**
 * GPT-2 (Radford et al. 2019): the models, and reading and writing their published files.
 *
 * <p>{@link io.github.lora4j.gpt2.Gpt2} holds the weights; a language model or a classifier is a module tree over
 * them, with the module names of the published files. Published files keep their linear weights as {@code
 * (in, out)}; the reader turns them once and nothing inside knows of it. LoRA, texts and training do not
 * belong here.
 */
@NullMarked
package io.github.lora4j.gpt2;

import org.jspecify.annotations.NullMarked;
