package io.github.lora4j.safetensors;

import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.LimitExceededException;
import io.github.lora4j.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The weights of a model folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists.
 */
public final class SafetensorsFolder implements TensorSource {

  /** The name of the weights in one file. */
  public static final String SINGLE = "model.safetensors";

  /** The name of the index of shards. */
  public static final String INDEX = "model.safetensors.index.json";

  private static final String WEIGHT_MAP = "weight_map";
  private static final List<String> PICKLES =
      List.of("pytorch_model.bin", "pytorch_model.bin.index.json");
  private static final Pattern SHARD = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}");

  private final Map<String, SafetensorsFile> files;
  private final Map<String, TensorInfo> tensors;
  private final List<String> warnings;

  private SafetensorsFolder(Map<String, SafetensorsFile> files) {
    this.files = files;
    Map<String, TensorInfo> all = new LinkedHashMap<>();
    files.forEach((name, file) -> all.put(name, file.tensors().get(name)));
    this.tensors = Collections.unmodifiableMap(all);
    this.warnings =
        files.values().stream().distinct().flatMap(file -> file.warnings().stream()).toList();
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
    Path single = folder.resolve(SINGLE);
    // A dangling link is opened too, for the message that says so.
    if (Files.exists(single, LinkOption.NOFOLLOW_LINKS)) {
      SafetensorsFile file = SafetensorsFile.open(single);
      Map<String, SafetensorsFile> files = new LinkedHashMap<>();
      file.names().forEach(name -> files.put(name, file));
      return new SafetensorsFolder(files);
    }
    Path index = folder.resolve(INDEX);
    if (Files.exists(index, LinkOption.NOFOLLOW_LINKS)) {
      return new SafetensorsFolder(openShards(folder, index));
    }
    for (String pickle : PICKLES) {
      if (Files.exists(folder.resolve(pickle))) {
        throw new UnsupportedFeatureException(
            "MX-05",
            folder.resolve(pickle).toString(),
            "",
            "expected "
                + SINGLE
                + ", got a pickle, which is never loaded: it can run code;"
                + " convert it in Python with model.save_pretrained(folder, safe_serialization=True)");
      }
    }
    throw new NoSuchFileException(
        folder.toString(), null, "expected a folder with " + SINGLE + " or " + INDEX);
  }

  private static Map<String, SafetensorsFile> openShards(Path folder, Path index)
      throws IOException {
    Map<String, String> shardOf = readIndex(index);
    Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    for (String shard : new LinkedHashSet<>(shardOf.values())) {
      if (!Files.exists(folder.resolve(shard))) {
        throw misplaced(index, anyOf(shardOf, shard), "its shard " + shard + " is missing");
      }
      SafetensorsFile file = SafetensorsFile.open(folder.resolve(shard));
      for (String name : file.names()) {
        String listed = shardOf.get(name);
        if (!shard.equals(listed)) {
          String place = listed == null ? "nowhere" : "in " + listed;
          throw misplaced(index, name, "the index places it " + place + ", it is in " + shard);
        }
        files.put(name, file);
      }
    }
    for (Map.Entry<String, String> entry : shardOf.entrySet()) {
      if (!files.containsKey(entry.getKey())) {
        throw misplaced(index, entry.getKey(), "it is not in its shard " + entry.getValue());
      }
    }
    return files;
  }

  private static String anyOf(Map<String, String> shardOf, String shard) {
    for (Map.Entry<String, String> entry : shardOf.entrySet()) {
      if (entry.getValue().equals(shard)) {
        return entry.getKey();
      }
    }
    throw new AssertionError("no tensor in " + shard);
  }

  private static SafetensorsFormatException misplaced(Path index, String name, String problem) {
    return fault("MX-04", index, "tensor " + name, problem + " (fetch index and shards again)");
  }

  private static SafetensorsFormatException fault(
      String code, Path index, String location, String problem) {
    return new SafetensorsFormatException(code, index.toString(), location, problem);
  }

  /** The shard of each tensor. */
  private static Map<String, String> readIndex(Path index) throws IOException {
    if (!Files.isRegularFile(index)) {
      throw new FileSystemException(index.toString(), null, "expected a regular file");
    }
    long size = Files.size(index);
    if (size > SafetensorsFile.MAX_HEADER_BYTES) {
      throw new LimitExceededException(
          "MX-04",
          index.toString(),
          "",
          "an index may have at most " + SafetensorsFile.MAX_HEADER_BYTES + " bytes, got " + size);
    }
    Map<String, String> shardOf = new LinkedHashMap<>();
    try (StrictJson json = new StrictJson(index.toString(), Files.readAllBytes(index), 0)) {
      json.enterObject("the index");
      while (json.next() == JsonToken.FIELD_NAME) {
        if (json.text().equals(WEIGHT_MAP)) {
          readWeightMap(json, index, shardOf);
        } else {
          json.next();
          json.skipValue();
        }
      }
      json.requireEnd();
    }
    if (shardOf.isEmpty()) {
      throw fault("MX-04", index, WEIGHT_MAP, "expected the shard of each tensor, got none");
    }
    return shardOf;
  }

  private static void readWeightMap(StrictJson json, Path index, Map<String, String> shardOf)
      throws IOException {
    json.enterObject(WEIGHT_MAP);
    while (json.next() == JsonToken.FIELD_NAME) {
      String name = json.text();
      if (json.next() != JsonToken.VALUE_STRING) {
        throw fault("MX-04", index, "tensor " + name, "expected a shard, got " + json.found());
      }
      if (shardOf.size() == SafetensorsFile.MAX_TENSORS) {
        throw new LimitExceededException(
            "ST-33",
            index.toString(),
            WEIGHT_MAP,
            "an index may name at most " + SafetensorsFile.MAX_TENSORS + " tensors, found more");
      }
      if (shardOf.put(name, checkShard(index, name, json.text())) != null) {
        throw fault("MX-04", index, "tensor " + name, "a name must occur once, found a second");
      }
    }
  }

  /** Accepts plain file names only: no path, whatever the operating system takes for one. */
  private static String checkShard(Path index, String tensor, String shard)
      throws SafetensorsFormatException {
    if (!SHARD.matcher(shard).matches() || shard.contains("..")) {
      throw fault(
          shard.contains("..") ? "MX-01" : "MX-02",
          index,
          "tensor " + tensor,
          "a shard must be a plain file name in the same folder, got " + Excerpt.of(shard));
    }
    if (!shard.endsWith(".safetensors")) {
      throw fault(
          "MX-03",
          index,
          "tensor " + tensor,
          "a shard's name must end in .safetensors, got " + Excerpt.of(shard));
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
  public void readFloats(String name, float[] target, int offset) throws IOException {
    file(name).readFloats(name, target, offset);
  }

  @Override
  public void readFloats(String name, long from, int count, float[] target, int offset)
      throws IOException {
    file(name).readFloats(name, from, count, target, offset);
  }

  @Override
  public int[] readInts(String name) throws IOException {
    return file(name).readInts(name);
  }

  @Override
  public String path(String name) {
    return file(name).path(name);
  }

  @Override
  public List<String> warnings() {
    return warnings;
  }

  private SafetensorsFile file(String name) {
    SafetensorsFile file = files.get(name);
    if (file == null) {
      throw new IllegalArgumentException(
          "no tensor " + Excerpt.of(name) + " in the model's folder");
    }
    return file;
  }
}
