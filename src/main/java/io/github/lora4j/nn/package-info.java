/**
 * The module tree and the layers that models are made of.
 *
 * <p>A {@link io.github.lora4j.nn.Module} declares a parameter, a child or a slot in one statement
 * that is also its registration; dotted paths of those names are the names in files. A {@link
 * io.github.lora4j.nn.Slot} is a child that may be exchanged, and the one place that knows what is
 * in it. Nothing here knows a particular model, a file format or LoRA.
 */
@NullMarked
package io.github.lora4j.nn;

import org.jspecify.annotations.NullMarked;
