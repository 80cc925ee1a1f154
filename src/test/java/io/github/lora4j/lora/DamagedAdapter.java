package io.github.lora4j.lora;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A copy of an adapter that PEFT wrote, to be damaged member by member and tensor by tensor. Every
 * change is on the disk when the method returns.
 */
final class DamagedAdapter {

  /** A member of the object that PEFT writes with an indentation of two: its name and its value. */
  private static final Pattern MEMBER =
      Pattern.compile(
          "^  \"(\\w+)\": (.*?),?$(?=\\n  \"|\\n})", Pattern.MULTILINE | Pattern.DOTALL);

  /** A tensor of the file. */
  record Stored(float[] values, long... shape) {

    static Stored filled(float value, long... shape) {
      int size = 1;
      for (long dim : shape) {
        size *= Math.toIntExact(dim);
      }
      float[] values = new float[size];
      Arrays.fill(values, value);
      return new Stored(values, shape);
    }
  }

  private final Path folder;
  private final Map<String, String> members = new LinkedHashMap<>();
  private final Map<String, Stored> tensors = new LinkedHashMap<>();

  private DamagedAdapter(Path folder) {
    this.folder = folder;
  }

  /** Copies an adapter of the fixtures into a new folder. */
  static DamagedAdapter copyOf(String fixture, Path folder) throws IOException {
    DamagedAdapter copy = new DamagedAdapter(Files.createDirectories(folder));
    Path source = Fixtures.folder().resolve("adapters").resolve(fixture);
    Files.copy(source.resolve("adapter_config.json"), copy.config());
    Files.copy(source.resolve("adapter_model.safetensors"), copy.tensors());
    Matcher member = MEMBER.matcher(Files.readString(copy.config()));
    while (member.find()) {
      copy.members.put(member.group(1), member.group(2));
    }
    SafetensorsFile file = SafetensorsFile.open(copy.tensors());
    for (TensorInfo tensor : file.tensors().values()) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      copy.tensors.put(tensor.name(), new Stored(file.readFloats(tensor.name()), shape));
    }
    assertTrue(copy.members.size() > 30 && !copy.tensors.isEmpty(), "the fixture is understood");
    return copy;
  }

  Path folder() {
    return folder;
  }

  Path config() {
    return folder.resolve("adapter_config.json");
  }

  Path tensors() {
    return folder.resolve("adapter_model.safetensors");
  }

  /** What a tensor holds. */
  Stored tensor(String name) {
    return tensors.get(name);
  }

  /** Gives a member of the configuration a value, any text. */
  DamagedAdapter set(String key, String literal) throws IOException {
    members.put(key, literal);
    return writeConfig();
  }

  DamagedAdapter unset(String key) throws IOException {
    assertTrue(members.containsKey(key), key);
    members.remove(key);
    return writeConfig();
  }

  private DamagedAdapter writeConfig() throws IOException {
    Files.writeString(
        config(),
        members.entrySet().stream()
            .map(each -> "  \"" + each.getKey() + "\": " + each.getValue())
            .collect(Collectors.joining(",\n", "{\n", "\n}")));
    return this;
  }

  DamagedAdapter put(String name, Stored tensor) throws IOException {
    return putAll(Map.of(name, tensor));
  }

  DamagedAdapter putAll(Map<String, Stored> some) throws IOException {
    tensors.putAll(some);
    return writeTensors();
  }

  DamagedAdapter remove(String name) throws IOException {
    assertTrue(tensors.containsKey(name), name);
    tensors.remove(name);
    return writeTensors();
  }

  /** Gives every tensor another name. */
  DamagedAdapter rename(UnaryOperator<String> rule) throws IOException {
    Map<String, Stored> renamed = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> renamed.put(rule.apply(name), tensor));
    tensors.clear();
    tensors.putAll(renamed);
    return writeTensors();
  }

  private DamagedAdapter writeTensors() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter().allowNonFinite();
    tensors.forEach((name, tensor) -> writer.floats(name, tensor.values(), tensor.shape()));
    writer.write(tensors());
    return this;
  }

  /** Stores every tensor as F16. */
  DamagedAdapter inHalfPrecision() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, tensor) -> writer.halves(name, tensor.values(), tensor.shape()));
    writer.write(tensors());
    return this;
  }
}
