/**
 * The kernels written with the Vector API, an incubator module that must be asked for: {@code
 * --add-modules jdk.incubator.vector}. Reached by name only, through {@link
 * io.github.lora4j.kernel.ActiveKernels}.
 *
 * <p>Rules of this package, each of which costs a factor of five to fifty when broken: one species
 * for the whole process, in a {@code static final} field; vectors live in local variables of one
 * method and are not passed on; no masked loads or stores, no conversions and no reductions across
 * lanes in hot loops. Only operations that interpreter and both compilers compute alike: {@code
 * exp} and {@code tanh} are polynomials of our own, and sums over lanes are a fixed tree.
 */
@NullMarked
package io.github.lora4j.kernel.vector;

import org.jspecify.annotations.NullMarked;
