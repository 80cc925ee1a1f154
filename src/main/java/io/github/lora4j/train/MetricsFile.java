package io.github.lora4j.train;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.lora4j.kernel.ActiveKernels;
import java.io.IOException;
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
    JsonReport.write(folder.resolve(NAME), this::write);
  }

  private void write(JsonGenerator json) throws IOException {
    json.writeNumberField("trainable_parameters", trainableParameters);
    json.writeNumberField("total_parameters", totalParameters);
    json.writeNumberField("seconds", result.seconds());
    json.writeNumberField("tokens_per_s", result.tokensPerSecond());
    json.writeNumberField("seed", seed);
    json.writeStringField("kernels", ActiveKernels.get().description());
    for (Map.Entry<String, Metrics> part : parts.entrySet()) {
      json.writeObjectFieldStart(part.getKey());
      JsonReport.write(json, part.getValue());
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
  }
}
