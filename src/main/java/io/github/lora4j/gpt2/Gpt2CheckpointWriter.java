package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Writes the weights of a module tree as a folder in the published layout. */
final class Gpt2CheckpointWriter {

  private Gpt2CheckpointWriter() {}

  static void write(Gpt2Backbone model, Path folder, DType dtype) throws IOException {
    if (dtype != DType.F32 && dtype != DType.F16) {
      throw new IllegalArgumentException("save: F32 or F16 expected, got " + dtype);
    }
    Map<String, Parameter> parameters = model.namedParameters();
    SafetensorsWriter weights = new SafetensorsWriter().metadata("format", "pt");
    for (PublishedTensor tensor : PublishedTensor.of(model.config())) {
      long[] shape = tensor.fileShape().stream().mapToLong(Long::longValue).toArray();
      Supplier<float[]> values = published(tensor, parameters);
      if (dtype == DType.F32) {
        weights.floats(tensor.path(), values, shape);
      } else {
        weights.halves(tensor.path(), values, shape);
      }
    }
    Files.createDirectories(folder);
    byte[] config = model.config().toJson().getBytes(StandardCharsets.UTF_8);
    try (StagedFiles files = new StagedFiles(folder)) {
      files.write(SafetensorsFolder.SINGLE, weights::writeTo);
      files.write(Gpt2Config.FILE_NAME, out -> out.write(config));
      files.commit();
    }
  }

  /** The elements of a published tensor as they stand in the file, made anew each time. */
  private static Supplier<float[]> published(
      PublishedTensor tensor, Map<String, Parameter> parameters) {
    QkvLayout layout = parameters.containsKey(tensor.path()) ? QkvLayout.FUSED : QkvLayout.SPLIT;
    List<PublishedTensor.Part> parts = tensor.parts(layout);
    List<Parameter> held = parts.stream().map(part -> parameter(part, parameters)).toList();
    if (parts.size() == 1 && !tensor.conv1d()) {
      return () -> held.get(0).tensor().toArray();
    }
    return () -> {
      float[] values = new float[tensor.shape().numel()];
      for (int i = 0; i < parts.size(); i++) {
        float[] rows = held.get(i).tensor().toArray();
        int first = parts.get(i).origin().firstRow();
        int count = parts.get(i).origin().rows();
        if (tensor.conv1d()) {
          Transpose.rowsIntoColumns(
              rows, count, tensor.shape().dim(1), values, tensor.shape().dim(0), first);
        } else {
          System.arraycopy(rows, 0, values, first, count);
        }
      }
      return values;
    };
  }

  private static Parameter parameter(PublishedTensor.Part part, Map<String, Parameter> parameters) {
    Parameter parameter = parameters.get(part.path());
    if (parameter == null) {
      throw new IllegalArgumentException(
          "save: plain Linear layers expected, got something else at %s (merge the adapter first)"
              .formatted(part.path()));
    }
    return parameter;
  }
}
