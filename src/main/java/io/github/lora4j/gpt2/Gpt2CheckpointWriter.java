package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.StagedFiles;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Writes a model as a folder in the published layout. */
final class Gpt2CheckpointWriter {

  private final SafetensorsWriter weights = new SafetensorsWriter().metadata("format", "pt");
  private final DType dtype;

  private Gpt2CheckpointWriter(DType dtype) {
    if (!dtype.isFloat()) {
      throw new IllegalArgumentException("save: F32, F16 or BF16 expected, got " + dtype);
    }
    this.dtype = dtype;
  }

  /**
   * Writes a language model: names without prefix and no head, since it is tied.
   *
   * @param tokenizer a folder to take the tokenizer files from, or null for none
   */
  static void languageModel(Gpt2Backbone model, Path folder, DType dtype, @Nullable Path tokenizer)
      throws IOException {
    Gpt2CheckpointWriter writer = new Gpt2CheckpointWriter(dtype);
    writer.addBackbone("", model);
    writer.write(folder, Gpt2ConfigWriter.languageModel(model.config()), tokenizer);
  }

  /**
   * Writes a classifier: its backbone's names with the prefix, and {@code score.weight}.
   *
   * @param tokenizer a folder to take the tokenizer files from, or null for none
   */
  static void classifier(
      Gpt2Backbone model,
      Layer score,
      List<String> labels,
      Path folder,
      DType dtype,
      @Nullable Path tokenizer)
      throws IOException {
    Gpt2CheckpointWriter writer = new Gpt2CheckpointWriter(dtype);
    Tensor head = SavedHead.weight(score);
    writer.addBackbone(Gpt2CheckpointReader.PREFIX, model);
    writer.add(SavedHead.WEIGHT, head::toArray, head.shape().dim(0), head.shape().dim(1));
    writer.write(folder, Gpt2ConfigWriter.classifier(model.config(), labels), tokenizer);
  }

  private void addBackbone(String prefix, Gpt2Backbone model) {
    Map<String, Parameter> parameters = model.namedParameters();
    for (PublishedTensor tensor : PublishedTensor.of(model.config())) {
      long[] shape = tensor.fileShape().stream().mapToLong(Long::longValue).toArray();
      add(prefix + tensor.path(), published(tensor, parameters), shape);
    }
  }

  private void add(String name, Supplier<float[]> values, long... shape) {
    switch (dtype) {
      case F16 -> weights.halves(name, values, shape);
      case BF16 -> weights.bfloats(name, values, shape);
      default -> weights.floats(name, values, shape);
    }
  }

  private void write(Path folder, String config, @Nullable Path tokenizer) throws IOException {
    TokenizerFiles tokenizerFiles = TokenizerFiles.of(tokenizer, folder);
    Files.createDirectories(folder);
    byte[] json = config.getBytes(StandardCharsets.UTF_8);
    try (StagedFiles files = new StagedFiles(folder)) {
      files.write(SafetensorsFolder.SINGLE, weights::writeTo);
      files.write(Gpt2Config.FILE_NAME, out -> out.write(json));
      tokenizerFiles.stage(files);
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
