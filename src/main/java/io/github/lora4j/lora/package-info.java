/**
 * LoRA: low-rank branches beside frozen linear layers (Hu et al. 2021), where they are put, and the
 * files they are kept in.
 *
 * <p>{@link io.github.lora4j.lora.Lora} walks any module tree and puts a {@link
 * io.github.lora4j.lora.LinearWithLoRA} in place of each {@link io.github.lora4j.nn.Linear} that
 * the {@link io.github.lora4j.lora.Targets} select. {@link io.github.lora4j.lora.AdapterFile} and
 * {@link io.github.lora4j.lora.AdapterExport} alone lead to the names, orientations and layouts of
 * files; in memory A is always {@code (in, r)} and B {@code (r, out)}. {@link
 * io.github.lora4j.lora.AdapterCombination} adds adapters up. Nothing here knows a particular
 * model, but for the names that formats of other programs have for the modules of a GPT-2, all in
 * one class of the package's own: what a layer is called in the published files stands in its
 * {@link io.github.lora4j.nn.Origin}. Training loops, data and optimizers do not belong here.
 */
@NullMarked
package io.github.lora4j.lora;

import org.jspecify.annotations.NullMarked;
