package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What is in the folder of an adapter, read without a model: for looking at it and comparing it. To
 * use an adapter there is {@link AdapterFile#load}.
 */
public final class AdapterContents {

  private static final String MANIFEST = "lora4j.json";
  private static final String PEFT_TENSORS = "adapter_model.safetensors";

  private final Kind kind;
  private final AdapterMetadata metadata;
  private final Map<String, String> hashes;
  private final SortedMap<String, PublishedBranch> branches = new TreeMap<>();
  private final SortedMap<String, Tensor> others = new TreeMap<>();
  private long trainedParameters;

  private AdapterContents(Kind kind, AdapterMetadata metadata, Map<String, String> hashes) {
    this.kind = kind;
    this.metadata = metadata;
    this.hashes = Collections.unmodifiableMap(new TreeMap<>(hashes));
  }

  /** Whose files a folder holds. */
  public enum Kind {
    /** Those of {@link AdapterFile#save}, with or without PEFT's pair beside them. */
    LORA4J,
    /** Those of Hugging Face PEFT alone. */
    PEFT,
    /** Those of mlx-lm. */
    MLX;

    /**
     * Looks which files there are.
     *
     * @param folder the folder of an adapter
     * @return the kind; {@link #LORA4J} if there is none, since reading says then what is missing
     */
    public static Kind of(Path folder) {
      if (Files.exists(folder.resolve(MANIFEST))) {
        return LORA4J;
      }
      if (Files.exists(folder.resolve(PEFT_TENSORS))) {
        return PEFT;
      }
      if (Files.exists(folder.resolve(MlxAdapter.TENSORS))) {
        return MLX;
      }
      return Files.exists(folder.resolve(MlxAdapter.CONFIG)) ? PEFT : LORA4J;
    }
  }

  /**
   * A branch.
   *
   * @param name the module it stands beside: its path in the model, or its published name where the
   *     file has only that
   * @param rank r
   * @param alpha what it is scaled by
   * @param scaling how
   * @param factor what the product is multiplied by
   * @param isDora whether there is a magnitude
   * @param normA the Frobenius norm of A
   * @param normB the Frobenius norm of B
   * @param normDelta the Frobenius norm of {@code factor B A}, what is added to the weight
   */
  public record Branch(
      String name,
      int rank,
      float alpha,
      LoraScaling scaling,
      float factor,
      boolean isDora,
      double normA,
      double normB,
      double normDelta) {}

  /**
   * Reads an adapter of any kind.
   *
   * @param folder its folder
   * @return what is in it
   * @throws io.github.lora4j.error.UnsupportedFeatureException if the folder holds an adapter of
   *     another kind
   * @throws MismatchException if its files do not fit to each other
   * @throws io.github.lora4j.error.NonFiniteException if a number in it is NaN or infinite
   * @throws IOException if a file is missing or damaged
   */
  public static AdapterContents read(Path folder) throws IOException {
    return switch (Kind.of(folder)) {
      case LORA4J -> ofOurs(folder);
      case PEFT -> ofPeft(folder);
      case MLX -> ofMlx(folder);
    };
  }

  /** Reads an adapter by the published names of its modules. */
  static AdapterContents readPublished(Path folder) throws IOException {
    if (Kind.of(folder) != Kind.LORA4J) {
      return read(folder);
    }
    AdapterManifest manifest = manifest(folder);
    if (!Files.exists(folder.resolve(PEFT_TENSORS))) {
      throw new MismatchException(
          "AD-33",
          folder.toString(),
          "",
          "%s beside %s expected, which has the published names, got none (compare adapters of one"
                  .formatted(PEFT_TENSORS, MANIFEST)
              + " layout, or save the adapter again)");
    }
    AdapterFile.checkHashes(manifest, folder);
    return ofPeft(folder);
  }

  private static AdapterManifest manifest(Path folder) throws IOException {
    AdapterFile.metadata(folder); // says what is wrong with a folder without the file
    return AdapterManifest.read(folder.resolve(MANIFEST));
  }

  private static AdapterContents ofOurs(Path folder) throws IOException {
    AdapterManifest manifest = manifest(folder);
    AdapterFile.checkHashes(manifest, folder);
    AdapterContents contents =
        new AdapterContents(Kind.LORA4J, manifest.metadata(), manifest.hashes());
    SafetensorsFile file = SafetensorsFile.open(folder.resolve("lora4j.safetensors"));
    Map<String, Tensor> tensors = new TreeMap<>();
    for (TensorInfo info : file.tensors().values()) {
      float[] elements = file.readFloats(info.name());
      ForeignBranches.checkFinite(
          "load", info.name(), elements, "the run that wrote it diverged, use another adapter");
      int[] dims = info.shape().stream().mapToInt(Math::toIntExact).toArray();
      tensors.put(info.name(), Tensor.of(elements, dims));
    }
    for (Map.Entry<String, AdapterManifest.Adapted> entry : manifest.modules().entrySet()) {
      String path = entry.getKey();
      AdapterManifest.Adapted adapted = entry.getValue();
      Tensor a = tensors.remove(Lora.join(path, "lora.A"));
      Tensor b = tensors.remove(Lora.join(path, "lora.B"));
      if (a == null
          || b == null
          || a.shape().rank() != 2
          || b.shape().rank() != 2
          || a.shape().dim(1) != adapted.rank()
          || b.shape().dim(0) != adapted.rank()) {
        throw new MismatchException(
            "AD-04",
            folder.toString(),
            path,
            "lora.A (in, %d) and lora.B (%d, out) expected, got %s and %s"
                .formatted(
                    adapted.rank(),
                    adapted.rank(),
                    a == null ? "none" : a.shape(),
                    b == null ? "none" : b.shape()));
      }
      contents.branches.put(
          path,
          new PublishedBranch(
              adapted.rank(), adapted.alpha(), adapted.scaling(), transposed(a), transposed(b)));
      contents.trainedParameters += a.data().length + b.data().length;
    }
    tensors.forEach(
        (name, tensor) -> {
          boolean isTrained = name.endsWith(".magnitude") || manifest.trained().contains(name);
          contents.trainedParameters += isTrained ? tensor.data().length : 0;
        });
    contents.others.putAll(tensors);
    return contents;
  }

  private static AdapterContents ofPeft(Path folder) throws IOException {
    PeftConfig config = PeftConfigReader.read(folder.resolve(MlxAdapter.CONFIG));
    PeftTensors tensors = PeftTensors.read(folder);
    AdapterContents contents =
        new AdapterContents(Kind.PEFT, PeftMetadata.of(config, tensors), Map.of());
    LoraScaling scaling = config.isRsLora() ? LoraScaling.RSLORA : LoraScaling.LORA;
    PeftFaults faults =
        new PeftFaults(tensors.file(), config.baseModel(), tensors.modules().keySet());
    for (String name : tensors.notUnderstood()) {
      faults.add("AD-08", name, "not a name that PEFT gives");
    }
    for (Map.Entry<String, PeftTensors.Module> entry : tensors.modules().entrySet()) {
      String name = entry.getKey();
      PeftTensors.Module module = entry.getValue();
      Tensor a = module.loraA();
      Tensor b = module.loraB();
      if (a != null && b != null) {
        int rank = a.shape().dim(0);
        if (rank != config.rank(name)) {
          faults.add(
              "AD-04",
              name + ".lora_A.weight",
              "%d rows expected, the rank that the configuration says, got %d"
                  .formatted(config.rank(name), rank));
        }
        contents.branches.put(name, new PublishedBranch(rank, config.alpha(name), scaling, a, b));
        contents.trainedParameters += a.data().length + b.data().length;
      }
      contents.add(name + ".magnitude", module.magnitude());
      contents.add(name + ".bias", module.bias());
      contents.add(name + ".weight", module.weight());
    }
    faults.throwIfAny();
    return contents;
  }

  private void add(String name, @Nullable Tensor tensor) {
    if (tensor != null) {
      others.put(name, tensor);
      trainedParameters += tensor.data().length;
    }
  }

  private static AdapterContents ofMlx(Path folder) throws IOException {
    AdapterContents contents =
        new AdapterContents(Kind.MLX, AdapterMetadata.of(TaskType.CAUSAL_LM), Map.of());
    contents.branches.putAll(MlxAdapter.read(folder));
    contents
        .branches
        .values()
        .forEach(
            branch ->
                contents.trainedParameters +=
                    branch.loraA().data().length + branch.loraB().data().length);
    return contents;
  }

  private static Tensor transposed(Tensor matrix) {
    int rows = matrix.shape().dim(0);
    int columns = matrix.shape().dim(1);
    Tensor turned = Tensor.zeros(columns, rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        turned.data()[j * rows + i] = matrix.data()[i * columns + j];
      }
    }
    return turned;
  }

  /**
   * Whose files these are.
   *
   * @return the kind
   */
  public Kind kind() {
    return kind;
  }

  /**
   * What was saved beside the numbers.
   *
   * @return task, base, labels and facts; text of the file, to be escaped before it is shown
   */
  public AdapterMetadata metadata() {
    return metadata;
  }

  /**
   * The hashes that the files were written with; they are those of the files that are there.
   *
   * @return SHA-256 by file name, empty unless the kind is {@link Kind#LORA4J}
   */
  public Map<String, String> hashes() {
    return hashes;
  }

  /**
   * How many numbers were trained.
   *
   * @return those of branches, magnitudes and whatever else was trained
   */
  public long trainedParameters() {
    return trainedParameters;
  }

  /**
   * Which modules of a block are adapted: the ends of their names behind the block's number.
   *
   * @return in alphabetical order
   */
  public List<String> targets() {
    TreeSet<String> targets = new TreeSet<>();
    branches.keySet().forEach(name -> targets.add(name.replaceFirst("^.*\\.\\d+\\.", "")));
    return List.copyOf(targets);
  }

  /**
   * The branches.
   *
   * @return in the order of their names
   */
  public List<Branch> branches() {
    return branches.entrySet().stream()
        .map(
            entry -> {
              PublishedBranch branch = entry.getValue();
              return new Branch(
                  entry.getKey(),
                  branch.rank(),
                  branch.alpha(),
                  branch.scaling(),
                  branch.factor(),
                  others.containsKey(entry.getKey() + ".magnitude"),
                  LowRankNorms.of(branch.loraA().data()),
                  LowRankNorms.of(branch.loraB().data()),
                  LowRankNorms.delta(branch));
            })
        .toList();
  }

  /**
   * What is in the files beside branches, such as magnitudes, biases, and a head.
   *
   * @return the Frobenius norm of each by its name
   */
  public SortedMap<String, Double> others() {
    SortedMap<String, Double> norms = new TreeMap<>();
    others.forEach((name, tensor) -> norms.put(name, LowRankNorms.of(tensor.data())));
    return norms;
  }

  /** The branches by name. */
  SortedMap<String, PublishedBranch> published() {
    return branches;
  }

  /** The other tensors by name. */
  SortedMap<String, Tensor> otherTensors() {
    return others;
  }
}
