package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
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

/**
 * What is in the folder of an adapter, read without a model: for looking at it and comparing it. To
 * use an adapter there is {@link AdapterFile#load}.
 */
public final class AdapterContents {

  private final Kind kind;
  private final AdapterMetadata metadata;
  private final Map<String, String> hashes;
  private final SortedMap<String, PublishedBranch> branches;
  private final SortedMap<String, Tensor> others;
  private final long trainedParameters;

  AdapterContents(
      Kind kind,
      AdapterMetadata metadata,
      Map<String, String> hashes,
      Map<String, PublishedBranch> branches,
      Map<String, Tensor> others,
      long trainedParameters) {
    this.kind = kind;
    this.metadata = metadata;
    this.hashes = Collections.unmodifiableMap(new TreeMap<>(hashes));
    this.branches = new TreeMap<>(branches);
    this.others = new TreeMap<>(others);
    this.trainedParameters = trainedParameters;
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
      if (Files.exists(folder.resolve(AdapterFile.MANIFEST))) {
        return LORA4J;
      }
      if (Files.exists(folder.resolve(AdapterFile.PEFT_TENSORS))) {
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
    return new AdapterContentsReader(folder).read();
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
