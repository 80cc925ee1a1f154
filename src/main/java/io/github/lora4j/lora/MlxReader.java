package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Reads the folder that {@link MlxAdapter} describes; everything is compared before it is read. */
final class MlxReader {

  /** How many faults a message lists. */
  private static final int MAX_LISTED = 3;

  private final Path folder;
  private final Path file;

  MlxReader(Path folder) {
    this.folder = folder;
    this.file = folder.resolve(MlxAdapter.TENSORS);
  }

  SortedMap<String, PublishedBranch> read() throws IOException {
    requireFiles();
    JsonObject config = config();
    JsonObject parameters = config.object("lora_parameters");
    int rank = parameters.integer("rank", 1, LoraConfig.MAX_RANK, "AD-03");
    float scale = parameters.number("scale", "AD-14");
    float alpha = alpha(scale, rank);
    if (!(scale > 0 && alpha < Float.POSITIVE_INFINITY)) {
      throw parameters.fault("AD-14", "scale", "a scale above 0 with a finite alpha");
    }
    SafetensorsFile tensors = SafetensorsFile.open(file);
    SortedSet<BlockModule> modules = modules(tensors, parameters);
    checkComplete(modules, tensors);
    checkShapes(modules, tensors.tensors(), rank);
    SortedMap<String, PublishedBranch> branches = new TreeMap<>();
    for (BlockModule module : modules) {
      branches.put(
          module.publishedName(),
          new PublishedBranch(
              rank, alpha, transposed(tensors, nameA(module)), transposed(tensors, nameB(module))));
    }
    return branches;
  }

  private void requireFiles() throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "the folder of an adapter expected");
    }
    for (String name : List.of(MlxAdapter.CONFIG, MlxAdapter.TENSORS)) {
      if (!Files.exists(folder.resolve(name))) {
        throw new AdapterFormatException(
            "AD-01",
            folder.toString(),
            "",
            "an adapter of mlx-lm expected, got a folder without %s (give the folder that"
                    .formatted(name)
                + " --adapter-path names)");
      }
    }
  }

  private JsonObject config() throws IOException {
    JsonObject config = Json.read(folder.resolve(MlxAdapter.CONFIG));
    if (config.members().containsKey("peft_type")) {
      throw unsupported(config, "an adapter of mlx-lm expected, got one of PEFT");
    }
    String type = config.textOrNull("fine_tune_type"); // mlx-lm takes none as LoRA, too
    if (type != null && !type.equals("lora")) {
      throw unsupported(
          config,
          "fine_tune_type lora expected, got '%s' (train LoRA, or fuse it with mlx_lm.fuse)"
              .formatted(Excerpt.of(type)));
    }
    return config;
  }

  private static UnsupportedFeatureException unsupported(JsonObject config, String problem) {
    return new UnsupportedFeatureException("AD-11", config.file().toString(), "", problem);
  }

  /**
   * An alpha with {@code alpha / rank == scale} where there is one: whole if possible, since people
   * choose whole ones.
   */
  static float alpha(float scale, int rank) {
    float product = scale * rank;
    float whole = (float) Math.rint(product);
    for (float alpha : new float[] {whole, product, Math.nextDown(product), Math.nextUp(product)}) {
      if (alpha / rank == scale) {
        return alpha;
      }
    }
    return product;
  }

  private SortedSet<BlockModule> modules(SafetensorsFile tensors, JsonObject parameters)
      throws IOException {
    boolean hasKeys = parameters.members().get("keys") != null;
    List<String> keys = hasKeys ? parameters.texts("keys") : List.of();
    SortedSet<BlockModule> modules = new TreeSet<>();
    List<String> unexpected = new ArrayList<>();
    for (String name : tensors.names()) {
      BlockModule module = module(name);
      if (module == null || (hasKeys && !keys.contains(module.role().path()))) {
        unexpected.add(Excerpt.of(name));
      } else {
        modules.add(module);
      }
    }
    if (!unexpected.isEmpty()) {
      throw new MismatchException(
          "AD-10",
          file.toString(),
          "",
          "branches of the modules in %s of GPT-2's blocks expected, such as"
                  .formatted(hasKeys ? Excerpt.of(keys.toString()) : "any")
              + " model.h.0.attn.c_attn.lora_a, got "
              + listed(unexpected)
              + " (an adapter of another model?)");
    }
    if (modules.isEmpty()) {
      throw new MismatchException(
          "AD-09",
          file.toString(),
          "",
          "at least one branch expected, got none (train the adapter, and save it again)");
    }
    return modules;
  }

  private static @Nullable BlockModule module(String name) {
    int dot = name.lastIndexOf('.');
    String suffix = dot < 0 ? "" : name.substring(dot);
    boolean isBranch = suffix.equals(MlxAdapter.SUFFIX_A) || suffix.equals(MlxAdapter.SUFFIX_B);
    return isBranch && dot > MlxAdapter.BODY.length() && name.startsWith(MlxAdapter.BODY)
        ? BlockModule.ofPublished(name.substring(MlxAdapter.BODY.length(), dot))
        : null;
  }

  private static String nameA(BlockModule module) {
    return MlxAdapter.BODY + module.publishedName() + MlxAdapter.SUFFIX_A;
  }

  private static String nameB(BlockModule module) {
    return MlxAdapter.BODY + module.publishedName() + MlxAdapter.SUFFIX_B;
  }

  private void checkComplete(SortedSet<BlockModule> modules, SafetensorsFile tensors)
      throws AdapterFormatException {
    List<String> missing = new ArrayList<>();
    for (BlockModule module : modules) {
      for (String name : List.of(nameA(module), nameB(module))) {
        if (!tensors.names().contains(name)) {
          missing.add(name);
        }
      }
    }
    if (!missing.isEmpty()) {
      throw new AdapterFormatException(
          "AD-05",
          file.toString(),
          missing.get(0),
          "lora_a and lora_b of each module expected, got a file without "
              + listed(missing)
              + " (save the adapter again)");
    }
  }

  private void checkShapes(
      SortedSet<BlockModule> modules, Map<String, TensorInfo> tensors, int rank)
      throws MismatchException {
    List<String> faults = new ArrayList<>();
    String first = "";
    for (BlockModule module : modules) {
      for (String name : List.of(nameA(module), nameB(module))) {
        boolean isA = name.endsWith(MlxAdapter.SUFFIX_A);
        TensorInfo info = tensors.get(name);
        List<Long> shape = info == null ? List.of() : info.shape();
        if (shape.size() != 2 || shape.get(isA ? 1 : 0) != rank || shape.contains(0L)) {
          first = faults.isEmpty() ? name : first;
          faults.add(
              (isA ? "%s: shape [in, %d] expected, got %s" : "%s: shape [%d, out] expected, got %s")
                  .formatted(name, rank, shape));
        }
      }
    }
    if (!faults.isEmpty()) {
      throw new MismatchException(
          "AD-04",
          file.toString(),
          first,
          "tensors of the rank in %s expected, got %s (files of two adapters?)"
              .formatted(MlxAdapter.CONFIG, listed(faults)));
    }
  }

  private static String listed(List<String> faults) {
    String first = String.join("; ", faults.subList(0, Math.min(MAX_LISTED, faults.size())));
    int more = faults.size() - MAX_LISTED;
    return more > 0 ? first + " and " + more + " more" : first;
  }

  private Tensor transposed(SafetensorsFile tensors, String name) throws IOException {
    float[] elements = tensors.readFloats(name);
    FiniteNumbers.check(
        "load from " + Excerpt.of(file.toString()), name, elements, FiniteNumbers.OF_A_FILE);
    TensorInfo info = Objects.requireNonNull(tensors.tensors().get(name));
    int rows = Math.toIntExact(info.shape().get(0));
    int columns = Math.toIntExact(info.shape().get(1));
    return Transposed.of(Tensor.of(elements, rows, columns));
  }
}
