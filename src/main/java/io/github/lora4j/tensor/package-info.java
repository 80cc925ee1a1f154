/**
 * Tensors of float32, the tape, and the differentiable operations.
 *
 * <p>Each operation is one method that holds its forward and its backward side by side, in one of
 * the {@code *Ops} files, and a method of {@link io.github.lora4j.tensor.Tensor}. Activations carry
 * the tape, parameters never: an operation is recorded only if an activation among its operands has
 * a tape and an operand requires a gradient. Without a tape the same call is inference. There is no
 * global switch.
 *
 * <p>Letters used for shapes everywhere: {@code N} tokens of a batch, its sequences laid end to
 * end; {@code B} sequences of a batch; {@code T} tokens of one sequence; {@code C} channels; {@code
 * NH} heads; {@code HS = C / NH} head size; {@code V} vocabulary; {@code r} rank; {@code ...} any
 * leading dimensions. Round brackets enclose a shape and {@code ()} is a scalar. Data is row-major.
 *
 * <p>Layers, models and files do not belong here.
 */
@NullMarked
package io.github.lora4j.tensor;

import org.jspecify.annotations.NullMarked;
