/**
 * The safetensors file format: a small, strict, trusted core of its own.
 *
 * <p>Start at {@link io.github.lora4j.safetensors.SafetensorsFile} for one file, at {@link
 * io.github.lora4j.safetensors.SafetensorsFolder} for a model's folder that may be cut into shards,
 * and at {@link io.github.lora4j.safetensors.SafetensorsWriter} to write. {@link
 * io.github.lora4j.safetensors.StagedFiles} puts these and all other files of the library on the
 * disk, complete or not at all. A safetensors file is laid out as
 *
 * <pre>
 * 8 bytes   length of the header, unsigned, little endian
 * header    JSON, UTF-8: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * data      the tensors' numbers, little endian, row-major, without holes or overlaps
 * </pre>
 *
 * <p>Nothing is allocated from a number in a file before that number was checked against the file's
 * real size. What the reference reader (<a
 * href="https://github.com/huggingface/safetensors">huggingface/safetensors</a>) refuses is refused
 * here; so are keys that occur twice, which it lets pass.
 *
 * <p>Only the JDK, jackson-core's streaming parser and {@code io.github.lora4j.error} may be used
 * here. Nothing here logs, maps memory or knows what the tensors mean.
 */
@NullMarked
package io.github.lora4j.safetensors;

import org.jspecify.annotations.NullMarked;
