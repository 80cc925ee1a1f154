package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * An adapter as mlx-lm keeps it ({@code --adapter-path}), a folder of two files.
 *
 * <pre>
 * adapters.safetensors   model.h.0.attn.c_attn.lora_a (in, r), .lora_b (r, out), ...
 * adapter_config.json    fine_tune_type, num_layers, lora_parameters {rank, scale, dropout, keys}
 * </pre>
 *
 * <p>mlx-lm turns GPT-2's {@code (in, out)} weights to {@code (out, in)} when it loads them, so its
 * {@code y = linear(x) + scale * (x a) b} has {@code a = A^T} and {@code b = B^T} of a {@link
 * PublishedBranch}.
 *
 * <p>There is one rank and one {@code scale = alpha / r} for all modules. The rank of the file is
 * the largest; a branch of a lower one is padded with zero columns of a and zero rows of b, which
 * adds exact zeros. The scale is the one that most branches have; in the others b is multiplied by
 * their own scaling over the file's: exact where that is a power of two, else each element of b is
 * rounded once. Branches that share rank and scaling are carried bit for bit. Alpha itself is not
 * in the file.
 *
 * <p>mlx-lm puts a branch beside every module of {@code keys} in the last {@code num_layers}
 * blocks. Those that the file does not name keep their b of zeros and change nothing.
 */
final class MlxAdapter {

  static final String TENSORS = "adapters.safetensors";
  static final String CONFIG = "adapter_config.json";

  /** What mlx-lm calls the module around those of the published files. */
  static final String BODY = "model.";

  static final String SUFFIX_A = ".lora_a";
  static final String SUFFIX_B = ".lora_b";

  private static final String OPERATION = "save for mlx-lm";

  private MlxAdapter() {}

  /**
   * Writes the folder. Both files are written before the first is replaced. The same branches give
   * the same bytes.
   *
   * @param folder where to; made if there is none, an adapter of this kind in it is replaced
   * @param branches by published name, such as {@code h.0.attn.c_attn}
   * @param blocks how many blocks the model has: mlx-lm counts from the last one
   * @param dropout what mlx-lm uses if it trains on, in [0, 1)
   * @throws IllegalArgumentException if there is no branch, a name is none of a block's four linear
   *     modules or beyond the model, a rank, alpha, shape or dropout cannot be, or b overflows when
   *     the scale goes into it
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws FileAlreadyExistsException if the folder holds an adapter of another kind, whose
   *     configuration has the same name
   * @throws IOException if it cannot be written; an adapter that was there is still there then
   */
  static void write(Path folder, Map<String, PublishedBranch> branches, int blocks, float dropout)
      throws IOException {
    SortedMap<BlockModule, PublishedBranch> checked = ForeignBranches.checked(OPERATION, branches);
    int highest = checked.lastKey().block();
    if (highest >= blocks) {
      throw new IllegalArgumentException(
          "%s: a model with all adapted blocks expected, got %d blocks and a branch in block %d"
                  .formatted(OPERATION, blocks, highest)
              + " (blocks count from 0; give the number of blocks of the model)");
    }
    int rank = checked.values().stream().mapToInt(PublishedBranch::rank).max().orElseThrow();
    List<Float> scalings = checked.values().stream().map(PublishedBranch::factor).toList();
    float scale = MostCommon.of(scalings);
    LoraConfig.check(rank, scale, dropout);
    SafetensorsWriter tensors = new SafetensorsWriter().metadata("format", "mlx");
    checked.forEach((module, branch) -> add(tensors, module, branch, rank, scale));
    int layers = blocks - checked.firstKey().block();
    byte[] config = Json.write(config(checked, rank, scale, dropout, layers));
    requireNoOther(folder);
    AdapterFolder.create(folder);
    try (StagedFiles files = new StagedFiles(folder)) {
      files.write(TENSORS, tensors::writeTo);
      files.write(CONFIG, out -> out.write(config));
      files.commit();
    }
  }

  /**
   * Reads what {@link #write} or mlx-lm wrote for a GPT-2. Every branch has the file's rank and
   * scaling; its alpha is the whole number that gives this scaling, or else the nearest to {@code
   * scale * rank}.
   *
   * @param folder of the two files
   * @return the branches by published name, such as {@code h.0.attn.c_attn}
   * @throws AdapterFormatException if a file is missing or damaged, or a branch incomplete
   * @throws io.github.lora4j.error.MismatchException if names or shapes do not fit to each other or
   *     to GPT-2
   * @throws io.github.lora4j.error.UnsupportedFeatureException if it is no LoRA of mlx-lm
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if a file cannot be read
   */
  static SortedMap<String, PublishedBranch> read(Path folder) throws IOException {
    return new MlxReader(folder).read();
  }

  private static void add(
      SafetensorsWriter tensors,
      BlockModule module,
      PublishedBranch branch,
      int rank,
      float scale) {
    int in = branch.loraA().shape().dim(1);
    int out = branch.loraB().shape().dim(0);
    if ((long) rank * Math.max(in, out) > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "%s: branches that can be padded to one rank expected, got %s (in %d, out %d) beside one"
                  .formatted(OPERATION, module.publishedName(), in, out)
              + " of rank %d (give all modules one rank, or save as PEFT does)".formatted(rank));
    }
    // Of the scalings as they are used, float by float: powers of two are then found as such.
    double factor = (double) branch.factor() / scale;
    float[] b = ForeignBranches.foldedB(OPERATION, module, branch, factor);
    float[] transposedB = new float[rank * out];
    for (int o = 0; o < out; o++) {
      for (int r = 0; r < branch.rank(); r++) {
        transposedB[r * out + o] = b[o * branch.rank() + r];
      }
    }
    float[] a = branch.loraA().toArray();
    float[] transposedA = new float[in * rank];
    for (int r = 0; r < branch.rank(); r++) {
      for (int i = 0; i < in; i++) {
        transposedA[i * rank + r] = a[r * in + i];
      }
    }
    String path = BODY + module.publishedName();
    tensors.floats(path + SUFFIX_A, transposedA, in, rank);
    tensors.floats(path + SUFFIX_B, transposedB, rank, out);
  }

  private static Map<String, @Nullable Object> config(
      SortedMap<BlockModule, PublishedBranch> branches,
      int rank,
      float scale,
      float dropout,
      int layers) {
    Map<String, Object> parameters = new TreeMap<>();
    TreeSet<String> keys = new TreeSet<>();
    branches.keySet().forEach(module -> keys.add(module.role().path()));
    parameters.put("keys", keys);
    parameters.put("rank", rank);
    parameters.put("scale", scale);
    parameters.put("dropout", dropout);
    Map<String, @Nullable Object> config = new TreeMap<>();
    config.put("fine_tune_type", "lora");
    config.put("num_layers", layers);
    config.put("lora_parameters", parameters);
    return config;
  }

  /** PEFT's configuration has the same file name: to replace it would destroy that adapter. */
  private static void requireNoOther(Path folder) throws FileAlreadyExistsException {
    for (String other :
        List.of(AdapterFile.PEFT_TENSORS, AdapterFile.PEFT_PICKLE, AdapterFile.MANIFEST)) {
      if (Files.exists(folder.resolve(other))) {
        throw new FileAlreadyExistsException(
            folder.resolve(other).toString(),
            null,
            "a folder without an adapter of another kind expected, whose %s would be replaced"
                    .formatted(CONFIG)
                + " (choose another folder)");
      }
    }
  }
}
