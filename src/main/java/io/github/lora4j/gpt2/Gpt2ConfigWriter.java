package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import io.github.lora4j.error.Excerpt;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes a configuration as {@code config.json}. */
final class Gpt2ConfigWriter {

  private static final String LANGUAGE_MODEL = "GPT2LMHeadModel";
  private static final String CLASSIFIER = "GPT2ForSequenceClassification";

  /** ASCII as Python writes it, so that a label survives whatever it holds. */
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private Gpt2ConfigWriter() {}

  /** The configuration of a language model. */
  static String languageModel(Gpt2Config config) {
    return json(config, LANGUAGE_MODEL, List.of());
  }

  /**
   * The configuration of a classifier. Its batches are padded with the last token of the
   * vocabulary, the end of text in published ones: transformers scores each text at its last other
   * token, and without such a token takes no more than one text at once.
   *
   * @throws IllegalArgumentException if a label is no text or all are too long to be read again
   */
  static String classifier(Gpt2Config config, List<String> labels) {
    for (String label : labels) {
      if (!StandardCharsets.UTF_8.newEncoder().canEncode(label)) {
        throw new IllegalArgumentException(
            "save: labels without half a surrogate pair expected, got " + Excerpt.of(label));
      }
    }
    String json = json(config, CLASSIFIER, labels);
    if (json.length() > ConfigJson.MAX_BYTES) {
      throw new IllegalArgumentException(
          "save: labels that fit a config.json of %d bytes expected, got %d bytes (shorten them)"
              .formatted(ConfigJson.MAX_BYTES, json.length()));
    }
    return json;
  }

  private static String json(Gpt2Config config, String architecture, List<String> labels) {
    StringWriter text = new StringWriter();
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter(
            Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER));
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    try (JsonGenerator json = JSON.createGenerator(text).setPrettyPrinter(printer)) {
      json.writeStartObject();
      json.writeStringField("activation_function", "gelu_new");
      json.writeArrayFieldStart("architectures");
      json.writeString(architecture);
      json.writeEndArray();
      writeEndOfText(json, "bos_token_id", config);
      writeEndOfText(json, "eos_token_id", config);
      if (!labels.isEmpty()) {
        writeLabels(json, labels);
      }
      json.writeFieldName("layer_norm_epsilon");
      json.writeNumber(Float.toString(config.layerNormEpsilon()));
      json.writeStringField("model_type", "gpt2");
      json.writeNumberField("n_embd", config.nEmbd());
      json.writeNumberField("n_head", config.nHead());
      json.writeNumberField("n_inner", config.nInner());
      json.writeNumberField("n_layer", config.nLayer());
      json.writeNumberField("n_positions", config.contextLength());
      if (!labels.isEmpty()) {
        json.writeNumberField("pad_token_id", config.vocabSize() - 1);
      }
      json.writeNumberField("vocab_size", config.vocabSize());
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a StringWriter throws none
    }
    return text.append('\n').toString();
  }

  /** Both ways between classes and labels; how many there are follows. */
  private static void writeLabels(JsonGenerator json, List<String> labels) throws IOException {
    json.writeObjectFieldStart("id2label");
    for (int i = 0; i < labels.size(); i++) {
      json.writeStringField(Integer.toString(i), labels.get(i));
    }
    json.writeEndObject();
    json.writeObjectFieldStart("label2id");
    for (int i = 0; i < labels.size(); i++) {
      json.writeNumberField(labels.get(i), i);
    }
    json.writeEndObject();
  }

  /**
   * The token around texts, the last of the published vocabulary. Of another one only the tokenizer
   * knows it; transformers would take a missing key for the published id.
   */
  private static void writeEndOfText(JsonGenerator json, String key, Gpt2Config config)
      throws IOException {
    if (config.vocabSize() == Gpt2Config.PUBLISHED_VOCAB_SIZE) {
      json.writeNumberField(key, Gpt2Config.PUBLISHED_VOCAB_SIZE - 1);
    } else {
      json.writeNullField(key);
    }
  }
}
