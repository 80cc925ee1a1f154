package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/** Writes a configuration as {@code config.json}. */
final class Gpt2ConfigWriter {

  private static final JsonFactory JSON = new JsonFactory();

  private Gpt2ConfigWriter() {}

  static String json(Gpt2Config config) {
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
      json.writeString("GPT2LMHeadModel");
      json.writeEndArray();
      writeEndOfText(json, "bos_token_id", config);
      writeEndOfText(json, "eos_token_id", config);
      json.writeFieldName("layer_norm_epsilon");
      json.writeNumber(Float.toString(config.layerNormEpsilon()));
      json.writeStringField("model_type", "gpt2");
      json.writeNumberField("n_embd", config.nEmbd());
      json.writeNumberField("n_head", config.nHead());
      json.writeNumberField("n_inner", config.nInner());
      json.writeNumberField("n_layer", config.nLayer());
      json.writeNumberField("n_positions", config.contextLength());
      json.writeNumberField("vocab_size", config.vocabSize());
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a StringWriter throws none
    }
    return text.append('\n').toString();
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
