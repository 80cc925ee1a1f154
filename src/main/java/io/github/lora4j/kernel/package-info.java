/**
 * Arithmetic on {@code float[]}: matrix product, soft-max, layer norm, GELU, AdamW.
 *
 * <p>{@link io.github.lora4j.kernel.Kernels} is the one narrow interface; {@code kernel.vector}
 * implements it with the Vector API and {@code kernel.portable} with plain loops. Which of the two
 * serves is decided once per process. Nothing here knows tensors, gradients' bookkeeping or models:
 * a backward pass is one more formula over arrays.
 *
 * <p>Every output element has one order of summation, which depends on the inner dimension alone,
 * never on the number of rows, columns or threads; so the same bits come out of any number of
 * threads.
 */
@NullMarked
package io.github.lora4j.kernel;

import org.jspecify.annotations.NullMarked;
