package io.github.lora4j.gpt2;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** A very small model in the published format, written byte by byte, to be damaged before that. */
final class ModelFolder {

  static final int VOCABULARY = 11;
  static final int CONTEXT = 6;
  static final int CHANNELS = 4;
  static final int LAYERS = 3;

  /** A tensor as it stands in the file. */
  record Stored(int[] shape, float[] values) {}

  /** The values of config.json as they stand there. */
  final Map<String, String> config = new LinkedHashMap<>();

  final Map<String, Stored> tensors = new LinkedHashMap<>();

  ModelFolder() {
    config.put("model_type", "\"gpt2\"");
    config.put("vocab_size", Integer.toString(VOCABULARY));
    config.put("n_positions", Integer.toString(CONTEXT));
    config.put("n_embd", Integer.toString(CHANNELS));
    config.put("n_layer", Integer.toString(LAYERS));
    config.put("n_head", "2");
    add("wte.weight", VOCABULARY, CHANNELS);
    add("wpe.weight", CONTEXT, CHANNELS);
    for (int i = 0; i < LAYERS; i++) {
      addNorm("h." + i + ".ln_1");
      addConv1d("h." + i + ".attn.c_attn", CHANNELS, 3 * CHANNELS);
      addConv1d("h." + i + ".attn.c_proj", CHANNELS, CHANNELS);
      addNorm("h." + i + ".ln_2");
      addConv1d("h." + i + ".mlp.c_fc", CHANNELS, 4 * CHANNELS);
      addConv1d("h." + i + ".mlp.c_proj", 4 * CHANNELS, CHANNELS);
    }
    addNorm("ln_f");
  }

  private void addNorm(String module) {
    add(module + ".weight", CHANNELS);
    add(module + ".bias", CHANNELS);
  }

  private void addConv1d(String module, int in, int out) {
    add(module + ".weight", in, out);
    add(module + ".bias", out);
  }

  /** Adds or replaces a tensor: its values are different numbers everywhere in the model. */
  void add(String name, int... shape) {
    float[] values = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (name.hashCode() % 1000 + i) / 1024f;
    }
    tensors.put(name, new Stored(shape, values));
  }

  void rename(String from, String to) {
    tensors.put(to, tensors.remove(from));
  }

  Path write(Path folder) throws IOException {
    StringBuilder json = new StringBuilder("{");
    config.forEach(
        (key, value) ->
            json.append(json.length() > 1 ? "," : "").append('"' + key + "\":" + value));
    Files.writeString(folder.resolve("config.json"), json.append('}'));
    Files.write(folder.resolve("model.safetensors"), safetensors());
    return folder;
  }

  private byte[] safetensors() {
    StringBuilder header = new StringBuilder("{");
    int end = 0;
    for (Map.Entry<String, Stored> entry : tensors.entrySet()) {
      int begin = end;
      end += 4 * entry.getValue().values().length;
      header
          .append(begin > 0 ? "," : "")
          .append('"' + entry.getKey() + "\":{\"dtype\":\"F32\",\"shape\":")
          .append(Arrays.toString(entry.getValue().shape()))
          .append(",\"data_offsets\":[" + begin + "," + end + "]}");
    }
    byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(littleEndian(8).putLong(text.length).array());
    file.writeBytes(text);
    for (Stored tensor : tensors.values()) {
      ByteBuffer data = littleEndian(4 * tensor.values().length);
      data.asFloatBuffer().put(tensor.values());
      file.writeBytes(data.array());
    }
    return file.toByteArray();
  }

  private static ByteBuffer littleEndian(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
