/**
 * The command line: options, progress and tables. What a command does is a few calls of the
 * library; nothing that a program could want to do lives here alone. Only {@link
 * io.github.lora4j.cli.Main} touches the standard streams and ends the process.
 */
@NullMarked
package io.github.lora4j.cli;

import org.jspecify.annotations.NullMarked;
