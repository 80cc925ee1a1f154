/**
 * Benchmarks of the arithmetic, run with JMH by {@link io.github.lora4j.benchmark.BenchmarkTable}.
 * Nothing of it is in the library; see PERFORMANCE.md.
 */
@NullMarked
package io.github.lora4j.benchmark;

import org.jspecify.annotations.NullMarked;
