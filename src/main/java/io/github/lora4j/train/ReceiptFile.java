package io.github.lora4j.train;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.lora4j.train.TrainingReceipt.Trained;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Writes a receipt as {@code receipt.json}. */
public final class ReceiptFile {

  /** The name of the file. */
  public static final String NAME = "receipt.json";

  private ReceiptFile() {}

  /**
   * Writes the file into a folder, whole or not at all. Metrics without data are left out, and a
   * change that is not finite is null.
   *
   * @param receipt what to write
   * @param folder a folder that is there
   * @throws IOException if it cannot be written
   */
  public static void write(TrainingReceipt receipt, Path folder) throws IOException {
    JsonReport.write(folder.resolve(NAME), json -> write(json, receipt));
  }

  private static void write(JsonGenerator json, TrainingReceipt receipt) throws IOException {
    json.writeBooleanField("holds", receipt.holds());
    write(json, "complaints", receipt.complaints());
    json.writeNumberField("steps", receipt.steps());
    json.writeNumberField("tokens", receipt.tokens());
    json.writeNumberField("seed", receipt.seed());
    json.writeStringField("data_sha256", receipt.dataHash());
    json.writeNumberField("seconds", receipt.seconds());
    write(json, "before", receipt.before());
    write(json, "after", receipt.after());
    json.writeArrayFieldStart("trained");
    for (Trained trained : receipt.trained()) {
      json.writeStartObject();
      json.writeStringField("name", trained.name());
      json.writeNumberField("elements", trained.elements());
      json.writeBooleanField("moved", trained.isMoved());
      json.writeFieldName("largest_change");
      if (Float.isFinite(trained.largestChange())) {
        json.writeNumber(trained.largestChange());
      } else {
        json.writeNull();
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeNumberField("frozen_tensors", receipt.frozen());
    write(json, "frozen_changed", receipt.changed());
    write(json, "non_finite", receipt.nonFinite());
  }

  private static void write(JsonGenerator json, String field, Metrics metrics) throws IOException {
    if (metrics.targets() > 0) {
      json.writeObjectFieldStart(field);
      JsonReport.write(json, metrics);
      json.writeEndObject();
    }
  }

  private static void write(JsonGenerator json, String field, List<String> texts)
      throws IOException {
    json.writeArrayFieldStart(field);
    for (String text : texts) {
      json.writeString(text);
    }
    json.writeEndArray();
  }
}
