package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The weights of a model folder: {@code model.safetensors}, or the shards that {@code model.safetensors.index.json}
 * lists.
 */
public final class SafetensorsFolder implements TensorSource {

  /** The name of the weights in one file. */
  public static final String SINGLE = "model.safetensors";

  /** The name of the index of shards. */
  public static final String INDEX = "model.safetensors.index.json";

  private static final long MAX_INDEX_BYTES = 100_000_000;
  private static final Pattern SHARD = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}");

  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(8).maxNumberLength(100).build())
          .build();

  private final Map<String, SafetensorsFile> files;
  private final Map<String, TensorInfo> tensors;

  private SafetensorsFolder(Map<String, SafetensorsFile> files) {
    this.files = files;
    Map<String, TensorInfo> all = new LinkedHashMap<>();
    files.forEach((name, file) -> all.put(name, file.tensors().get(name)));
    this.tensors = Collections.unmodifiableMap(all);
  }

  /**
   * Opens the weights of a folder.
   *
   * @param folder a model folder in the Hugging Face layout
   * @return the opened weights
   * @throws UnsupportedFeatureException if there are only weights in a format that can run code
   * @throws SafetensorsFormatException if a file or the index breaks its format
   * @throws IOException if a file is missing or cannot be read
   */
  public static SafetensorsFolder open(Path folder) throws IOException {
    Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    Path single = folder.resolve(SINGLE);
    Path index = folder.resolve(INDEX);
    if (Files.exists(single)) {
      SafetensorsFile file = SafetensorsFile.open(single);
      file.names().forEach(name -> files.put(name, file));
    } else if (Files.exists(index)) {
      openShards(folder, index, files);
    } else if (Files.exists(folder.resolve("pytorch_model.bin"))) {
      throw new UnsupportedFeatureException(
          "MX-05",
          folder.resolve("pytorch_model.bin").toString(),
          "",
          "model.safetensors expected, got a pickle, which is never loaded: it can run code;"
              + " convert it with transformers: save_pretrained(folder, safe_serialization=True)");
    } else {
      throw new NoSuchFileException(
          folder.toString(), null, "a folder with " + SINGLE + " or " + INDEX + " expected");
    }
    return new SafetensorsFolder(files);
  }

  private static void openShards(Path folder, Path index, Map<String, SafetensorsFile> files)
      throws IOException {
    Map<String, String> shardOf = readIndex(index);
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    for (Map.Entry<String, String> entry : shardOf.entrySet()) {
      String shard = entry.getValue();
      SafetensorsFile file = shards.get(shard);
      if (file == null) {
        if (!Files.exists(folder.resolve(shard))) {
          throw fault("MX-04", index, entry.getKey(), "the shard " + shard + " is not there");
        }
        file = SafetensorsFile.open(folder.resolve(shard));
        shards.put(shard, file);
      }
      if (!file.tensors().containsKey(entry.getKey())) {
        throw fault("MX-04", index, entry.getKey(), "the tensor is not in its shard " + shard);
      }
      files.put(entry.getKey(), file);
    }
    for (Map.Entry<String, SafetensorsFile> shard : shards.entrySet()) {
      for (String name : shard.getValue().names()) {
        if (files.get(name) != shard.getValue()) {
          throw fault(
              "MX-04",
              index,
              name,
              "the tensor stands in %s, where the index does not place it"
                  .formatted(shard.getKey()));
        }
      }
    }
  }

  private static SafetensorsFormatException fault(
      String code, Path index, String location, String problem) {
    return new SafetensorsFormatException(code, index.toString(), location, problem);
  }

  private static Map<String, String> readIndex(Path index) throws IOException {
    if (Files.size(index) > MAX_INDEX_BYTES) {
      throw new LimitExceededException(
          "MX-14",
          index.toString(),
          "",
          "an index of at most %d bytes expected, got %d"
              .formatted(MAX_INDEX_BYTES, Files.size(index)));
    }
    Map<String, String> shardOf = new LinkedHashMap<>();
    try (JsonParser json = JSON.createParser(Files.readAllBytes(index))) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw fault("MX-04", index, "", "a JSON object expected, got " + json.currentToken());
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        boolean weightMap = json.currentName().equals("weight_map");
        if (json.nextToken() != JsonToken.START_OBJECT || !weightMap) {
          json.skipChildren();
          continue;
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          String name = json.currentName();
          json.nextToken();
          shardOf.put(name, checkShard(index, name, json.getText()));
        }
      }
    } catch (JsonProcessingException e) {
      throw fault(
          "MX-04", index, "", "well-formed JSON expected: " + Excerpt.of(e.getOriginalMessage()));
    }
    if (shardOf.isEmpty()) {
      throw fault("MX-04", index, "/weight_map", "the shard of each tensor expected, got none");
    }
    return shardOf;
  }

  /** Accepts plain file names only: no path, whatever the operating system takes for one. */
  private static String checkShard(Path index, String tensor, String shard)
      throws SafetensorsFormatException {
    if (!SHARD.matcher(shard).matches() || shard.contains("..")) {
      throw fault(
          shard.contains("..") ? "MX-01" : "MX-02",
          index,
          tensor,
          "a shard in the same folder expected, got '" + Excerpt.of(shard) + "'");
    }
    if (!shard.endsWith(".safetensors")) {
      throw fault(
          "MX-03",
          index,
          tensor,
          "a shard that ends in .safetensors expected, got '" + Excerpt.of(shard) + "'");
    }
    return shard;
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public float[] readFloats(String name) throws IOException {
    return file(name).readFloats(name);
  }

  @Override
  public int[] readInts(String name) throws IOException {
    return file(name).readInts(name);
  }

  @Override
  public String path(String name) {
    return file(name).path(name);
  }

  private SafetensorsFile file(String name) {
    SafetensorsFile file = files.get(name);
    if (file == null) {
      throw new IllegalArgumentException(
          "model folder: a tensor of it expected, got '" + Excerpt.of(name) + "'");
    }
    return file;
  }
}
