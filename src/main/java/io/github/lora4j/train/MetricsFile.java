package io.github.lora4j.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes what a run did and reached as {@code metrics.json}. */
public final class MetricsFile {

  /** The name of the file. */
  public static final String NAME = "metrics.json";

  private final long trainableParameters;
  private final long totalParameters;
  private final long seed;
  private final TrainingResult result;
  private final Map<String, Metrics> parts = new LinkedHashMap<>();

  /**
   * The metrics of a run.
   *
   * @param trainableParameters how many numbers were trained
   * @param totalParameters how many numbers the model has
   * @param seed the seed of the run
   * @param result what training did
   */
  public MetricsFile(
      long trainableParameters, long totalParameters, long seed, TrainingResult result) {
    this.trainableParameters = trainableParameters;
    this.totalParameters = totalParameters;
    this.seed = seed;
    this.result = result;
  }

  /**
   * Adds what the trained model reaches on a part of the data. A part without data is left out.
   *
   * @param name {@code train}, {@code validation} or {@code test}, or another name
   * @param metrics its metrics there
   * @return this
   */
  public MetricsFile part(String name, Metrics metrics) {
    if (metrics.targets() > 0) {
      parts.put(name, metrics);
    }
    return this;
  }

  /**
   * Writes the file into a folder, whole or not at all.
   *
   * @param folder a folder that is there
   * @throws IOException if it cannot be written
   */
  public void write(Path folder) throws IOException {
    byte[] json = toJson().getBytes(StandardCharsets.UTF_8);
    StagedFiles.replace(folder.resolve(NAME), out -> out.write(json));
  }

  private String toJson() throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
      json.setPrettyPrinter(new DefaultPrettyPrinter().withObjectIndenter(indenter));
      json.writeStartObject();
      json.writeNumberField("trainable_parameters", trainableParameters);
      json.writeNumberField("total_parameters", totalParameters);
      json.writeNumberField("seconds", result.seconds());
      json.writeNumberField("tokens_per_s", result.tokensPerSecond());
      json.writeNumberField("seed", seed);
      json.writeStringField("kernels", ActiveKernels.get().description());
      for (Map.Entry<String, Metrics> part : parts.entrySet()) {
        json.writeObjectFieldStart(part.getKey());
        write(json, part.getValue());
        json.writeEndObject();
      }
      json.writeArrayFieldStart("history");
      for (EvaluationReport report : result.history()) {
        json.writeStartObject();
        json.writeNumberField("step", report.step());
        json.writeNumberField("epoch", report.epoch());
        json.writeNumberField("train_loss", report.trainLoss());
        if (report.validation().targets() > 0) {
          json.writeNumberField("validation_loss", report.validation().loss());
          json.writeNumberField("validation_accuracy", report.validation().accuracy());
        }
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    return text.append('\n').toString();
  }

  private static void write(JsonGenerator json, Metrics metrics) throws IOException {
    json.writeNumberField("loss", metrics.loss());
    json.writeNumberField("accuracy", metrics.accuracy());
    if (metrics.confusion().length == 0) {
      json.writeNumberField("perplexity", metrics.perplexity());
      return;
    }
    json.writeNumberField("macro_f1", metrics.macroF1());
    json.writeArrayFieldStart("confusion");
    for (long[] row : metrics.confusion()) {
      json.writeArray(row, 0, row.length);
    }
    json.writeEndArray();
  }
}
