/**
 * The kernels that run on every JVM: plain loops that its compiler turns into vector code.
 *
 * <p>No {@code fma} here: a processor or VM without it would fall back to arbitrary-precision
 * arithmetic.
 */
@NullMarked
package io.github.lora4j.kernel.portable;

import org.jspecify.annotations.NullMarked;
