/**
 * The exception types that several packages share. Depends on nothing.
 *
 * <p>A caller's mistake is an {@link java.lang.IllegalArgumentException}; a bad file is a checked
 * {@link java.io.IOException} from here that implements {@link
 * io.github.lora4j.error.LoraException} and names the path, the place, what was expected, what was
 * found and the remedy. A type that only one package throws lives in that package.
 */
@NullMarked
package io.github.lora4j.error;

import org.jspecify.annotations.NullMarked;
