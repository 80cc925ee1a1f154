package io.github.lora4j.gpt2;

import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes a base as a model folder in the published layout. */
final class CheckpointWriter {

  private CheckpointWriter() {}

  static void write(Gpt2 base, Path folder, DType dtype) throws IOException {
    if (dtype != DType.F32 && dtype != DType.F16) {
      throw new IllegalArgumentException("save: F32 or F16 expected, got " + dtype);
    }
    SafetensorsWriter weights = new SafetensorsWriter().metadata("format", "pt");
    for (PublishedTensor tensor : PublishedTensor.of(base.config())) {
      float[] values = tensor.toFile(base.values(tensor));
      if (dtype == DType.F32) {
        weights.floats(tensor.name(), values, tensor.dims());
      } else {
        weights.halves(tensor.name(), values, tensor.dims());
      }
    }
    Files.createDirectories(folder);
    weights.write(folder.resolve(SafetensorsFolder.SINGLE));
    Path temporary = Files.createTempFile(folder, ".tmp-", ".json");
    try {
      Files.write(
          temporary, Gpt2ConfigFile.toJson(base.config()).getBytes(StandardCharsets.UTF_8));
      Files.move(
          temporary,
          folder.resolve(Gpt2ConfigFile.NAME),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
