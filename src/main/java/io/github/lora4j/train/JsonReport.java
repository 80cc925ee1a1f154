package io.github.lora4j.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Writes a file of JSON for people and programs, whole or not at all. */
final class JsonReport {

  /** The fields of the file's object. */
  @FunctionalInterface
  interface Fields {
    void writeTo(JsonGenerator json) throws IOException;
  }

  private JsonReport() {}

  static void write(Path file, Fields fields) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
      json.setPrettyPrinter(new DefaultPrettyPrinter().withObjectIndenter(indenter));
      json.writeStartObject();
      fields.writeTo(json);
      json.writeEndObject();
    }
    byte[] bytes = text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
    StagedFiles.replace(file, out -> out.write(bytes));
  }

  /** The fields of metrics; those of a language model have a perplexity and no classes. */
  static void write(JsonGenerator json, Metrics metrics) throws IOException {
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
