/**
 * The facade of lora4j: LoRA finetuning of GPT-2 in pure Java.
 *
 * <p>The way of the data is text, token ids, batch, forward, loss, tape backwards, optimizer,
 * adapter file. It passes each package once, and the packages see each other in one direction only:
 *
 * <pre>
 * kernel       float[] arithmetic, in a portable and a Vector API form
 * tensor       tensors, the tape and the differentiable operations      (sees kernel)
 * nn           the module tree and the layers every model is made of    (sees tensor)
 * safetensors  the file format                                          (sees nothing but error)
 * text         tokenizer, data sets, splits, batches, loaders           (sees nothing but error)
 * lora         LoRA layers, the walker, the adapter file                (sees nn, safetensors)
 * gpt2         the GPT-2 models and their published files               (sees nn, safetensors)
 * train        optimizer, training loop, metrics                        (sees nn, text, safetensors)
 * cli          the command line                                         (sees all)
 * </pre>
 */
@NullMarked
package io.github.lora4j;

import org.jspecify.annotations.NullMarked;
