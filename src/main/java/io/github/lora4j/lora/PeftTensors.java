package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.lora.PeftTensorName.Part;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@code adapter_model.safetensors} of Hugging Face PEFT holds, by the names that modules have
 * in the published files, such as {@code h.0.attn.c_attn}. All numbers are finite; F16 and BF16
 * became float exactly.
 *
 * @param file the file, for messages
 * @param names what all tensors are called in the file, in its order
 * @param modules every module of which the adapter holds something, in the order of the file
 * @param notUnderstood names of tensors that PEFT does not give to an adapter called {@code
 *     default}
 */
record PeftTensors(
    Path file, List<String> names, Map<String, Module> modules, List<String> notUnderstood) {

  private static final Logger logger = LoggerFactory.getLogger(PeftTensors.class);

  private static final String TENSORS = AdapterFile.PEFT_TENSORS;

  /**
   * What an adapter holds of a module. A and B are there both or not at all, with the same r, and a
   * magnitude only beside them.
   *
   * @param loraA A, {@code (r, in)}, or null
   * @param loraB B, {@code (out, r)}, or null
   * @param magnitude the lengths of the rows of the adapted weight (DoRA), {@code (out)}, or null
   * @param bias a trained bias, {@code (out)}, or null
   * @param weight a weight that was trained as a whole, or null
   */
  record Module(
      @Nullable Tensor loraA,
      @Nullable Tensor loraB,
      @Nullable Tensor magnitude,
      @Nullable Tensor bias,
      @Nullable Tensor weight) {}

  /** Copies the collections. */
  PeftTensors {
    names = List.copyOf(names);
    modules = Collections.unmodifiableMap(new LinkedHashMap<>(modules));
    notUnderstood = List.copyOf(notUnderstood);
  }

  /**
   * Reads the tensors of an adapter.
   *
   * @param folder the folder they are in
   * @throws AdapterFormatException if there is no such file in it, an A is without B or the
   *     reverse, or a tensor is there twice or has an impossible number of dimensions
   * @throws MismatchException if A and B of a module have another r
   * @throws UnsupportedFeatureException if there is a pickle alone, a branch beside an embedding,
   *     or a tensor of another type than F32, F16 and BF16
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if the file is damaged or cannot be read
   */
  static PeftTensors read(Path folder) throws IOException {
    Path path = file(folder);
    SafetensorsFile file = SafetensorsFile.open(path);
    file.warnings().forEach(logger::warn);
    List<String> all = new ArrayList<>();
    Map<String, Map<Part, String>> names = new LinkedHashMap<>();
    List<String> notUnderstood = new ArrayList<>();
    for (TensorInfo tensor : file.tensors().values()) {
      PeftTensorName name = PeftTensorName.parse(tensor.name());
      if (isMask(tensor)) {
        continue;
      }
      all.add(tensor.name());
      if (name == null) {
        notUnderstood.add(tensor.name());
        continue;
      }
      String first =
          names
              .computeIfAbsent(name.module(), module -> new EnumMap<>(Part.class))
              .putIfAbsent(name.part(), tensor.name());
      if (first != null && name.part() != Part.EMBEDDING) {
        throw new AdapterFormatException(
            "AD-10",
            path.toString(),
            tensor.name(),
            "each tensor once expected, got two names for one: %s and %s"
                .formatted(Excerpt.of(first), Excerpt.of(tensor.name())));
      }
    }
    refuseEmbeddings(path, file);
    requireWhole(path, names.values());
    Map<String, Module> modules = new LinkedHashMap<>();
    for (Map.Entry<String, Map<Part, String>> entry : names.entrySet()) {
      modules.put(entry.getKey(), module(file, path, entry.getValue()));
    }
    return new PeftTensors(path, all, modules, notUnderstood);
  }

  private static Path file(Path folder) throws IOException {
    AdapterFolder.require(folder);
    Path file = folder.resolve(TENSORS);
    if (Files.exists(file)) {
      return file;
    }
    refusePickle(folder);
    throw new AdapterFormatException(
        "AD-01",
        folder.toString(),
        "",
        "an adapter expected, got a folder without %s".formatted(TENSORS));
  }

  /** Says why the older kind of file is not read, if a folder has it. */
  static void refusePickle(Path folder) throws UnsupportedFeatureException {
    if (Files.exists(folder.resolve(AdapterFile.PEFT_PICKLE))) {
      throw new UnsupportedFeatureException(
          "AD-15",
          folder.toString(),
          AdapterFile.PEFT_PICKLE,
          "%s expected, got a pickle, which can run code and is never read".formatted(TENSORS)
              + " (save it again with PEFT's save_pretrained(folder, safe_serialization=True))");
    }
  }

  /**
   * Whether a tensor is the mask of an attention: constants that older releases of transformers
   * keep as a bias, so that PEFT saves them with the biases.
   */
  private static boolean isMask(TensorInfo tensor) {
    return (tensor.name().endsWith(".attn.bias") && tensor.shape().size() == 4)
        || tensor.name().endsWith(".attn.masked_bias");
  }

  private static void refuseEmbeddings(Path path, SafetensorsFile file)
      throws UnsupportedFeatureException {
    List<String> found = new ArrayList<>();
    for (String tensor : file.names()) {
      PeftTensorName name = PeftTensorName.parse(tensor);
      if (name != null && name.part() == Part.EMBEDDING) {
        found.add(Excerpt.of(tensor));
      }
    }
    if (!found.isEmpty()) {
      throw new UnsupportedFeatureException(
          "AD-11",
          path.toString(),
          "",
          "branches beside linear layers expected, got such beside embeddings: "
              + String.join(", ", found));
    }
  }

  private static void requireWhole(Path path, Iterable<Map<Part, String>> modules)
      throws AdapterFormatException {
    List<String> missing = new ArrayList<>();
    for (Map<Part, String> names : modules) {
      String loraA = names.get(Part.LORA_A);
      String loraB = names.get(Part.LORA_B);
      String magnitude = names.get(Part.MAGNITUDE);
      if (loraA != null && loraB == null) {
        missing.add(replaced(loraA, ".lora_A", ".lora_B"));
      } else if (loraA == null && loraB != null) {
        missing.add(replaced(loraB, ".lora_B", ".lora_A"));
      } else if (loraA == null && magnitude != null) {
        String module = magnitude.substring(0, magnitude.lastIndexOf(".lora_magnitude_vector"));
        missing.add(module + ".lora_A.weight");
        missing.add(module + ".lora_B.weight");
      }
    }
    if (!missing.isEmpty()) {
      throw new AdapterFormatException(
          "AD-05",
          path.toString(),
          "",
          "A and B of each branch expected, missing "
              + String.join(", ", missing.stream().map(Excerpt::of).toList()));
    }
  }

  private static String replaced(String name, String component, String other) {
    int position = name.lastIndexOf(component);
    return name.substring(0, position) + other + name.substring(position + component.length());
  }

  private static Module module(SafetensorsFile file, Path path, Map<Part, String> names)
      throws IOException {
    Tensor loraA = tensor(file, path, names.get(Part.LORA_A), 2, 2);
    Tensor loraB = tensor(file, path, names.get(Part.LORA_B), 2, 2);
    if (loraA != null && loraB != null && loraA.shape().dim(0) != loraB.shape().dim(1)) {
      throw new MismatchException(
          "AD-04",
          path.toString(),
          String.valueOf(names.get(Part.LORA_B)),
          "B of shape (out, %d) beside A of shape %s expected, got %s"
              .formatted(loraA.shape().dim(0), loraA.shape(), loraB.shape()));
    }
    return new Module(
        loraA,
        loraB,
        tensor(file, path, names.get(Part.MAGNITUDE), 1, 1),
        tensor(file, path, names.get(Part.BIAS), 1, 1),
        tensor(file, path, names.get(Part.WEIGHT), 1, 2));
  }

  private static @Nullable Tensor tensor(
      SafetensorsFile file, Path path, @Nullable String name, int minRank, int maxRank)
      throws IOException {
    TensorInfo info = name == null ? null : file.tensors().get(name);
    if (name == null || info == null) {
      return null;
    }
    List<Long> shape = info.shape();
    if (shape.size() < minRank
        || shape.size() > maxRank
        || shape.stream().anyMatch(size -> size < 1 || size > Integer.MAX_VALUE)) {
      throw new AdapterFormatException(
          "AD-04",
          path.toString(),
          name,
          "a shape of %s sizes above 0 expected, got %s"
              .formatted(minRank == maxRank ? maxRank : minRank + " or " + maxRank, shape));
    }
    float[] elements = file.readFloats(name);
    FiniteNumbers.check("load", name, elements, FiniteNumbers.OF_A_FILE);
    return Tensor.of(elements, shape.stream().mapToInt(Long::intValue).toArray());
  }
}
