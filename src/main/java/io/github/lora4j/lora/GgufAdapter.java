package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.safetensors.StagedFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * An adapter as llama.cpp reads it ({@code --lora}), one GGUF file for a GPT-2 that was converted
 * to GGUF. It holds branches and nothing else: a head, a bias or a magnitude has no place in it.
 *
 * <p><b>Orientation.</b> For a weight {@code ne = {in, out}} llama.cpp asks for {@code lora_a} with
 * {@code ne = {in, r}} and {@code lora_b} with {@code ne = {r, out}}. Since {@code ne} counts from
 * the fastest dimension, these are A {@code (r, in)} and B {@code (out, r)}, row-major, as PEFT
 * files them and as {@link PublishedBranch} holds them: nothing is transposed. A weight of GPT-2
 * itself is published as {@code (in, out)}, so a converter must transpose <em>that</em>, and then
 * base and branch agree. A converter that runs the branch through the same transposition swaps the
 * two: a wrong shape for most modules, and a silently wrong sum for {@code attn.c_proj}, whose
 * weight is square.
 *
 * <p><b>Scale.</b> The file has one alpha, and llama.cpp scales the branch of weight t by {@code
 * alpha / r_t} with the rank of that very branch. So ranks may differ freely. The file's alpha is
 * the one that most branches have; these are carried bit for bit. In any other, B is multiplied by
 * {@code (alpha_t / r_t) * r_t / alpha = alpha_t / alpha}: exact where that is a power of two, else
 * each element of B is rounded once.
 */
final class GgufAdapter {

  private static final String OPERATION = "save as GGUF";

  /** What llama.cpp calls a file without quantized tensors. */
  private static final int ALL_F32 = 0;

  private GgufAdapter() {}

  /**
   * Writes the file, complete or not at all. The same branches give the same bytes.
   *
   * @param file its path, in an existing folder; an older file is replaced
   * @param branches by published name, such as {@code h.0.attn.c_attn}
   * @param name what programs show as the adapter's name, or null
   * @throws IllegalArgumentException if there is no branch, a name is none of a block's four linear
   *     modules, a rank, alpha or shape cannot be, or B overflows when the scale goes into it
   * @throws NonFiniteException if a number is NaN or infinite
   * @throws IOException if it cannot be written; an older file is then as it was
   */
  static void write(Path file, Map<String, PublishedBranch> branches, @Nullable String name)
      throws IOException {
    SortedMap<BlockModule, PublishedBranch> checked = ForeignBranches.checked(OPERATION, branches);
    List<Float> alphas = checked.values().stream().map(PublishedBranch::alpha).toList();
    float alpha = MostCommon.of(alphas);
    GgufWriter gguf = new GgufWriter();
    gguf.metadata("general.architecture", "gpt2");
    gguf.metadata("general.type", "adapter");
    if (name != null) {
      gguf.metadata("general.name", name);
    }
    gguf.metadata("general.file_type", ALL_F32);
    gguf.metadata("adapter.type", "lora");
    gguf.metadata("adapter.lora.alpha", alpha);
    checked.forEach(
        (module, branch) -> {
          int in = branch.loraA().shape().dim(1);
          int out = branch.loraB().shape().dim(0);
          double factor = (double) branch.alpha() / alpha;
          float[] b = ForeignBranches.foldedB(OPERATION, module, branch, factor);
          String weight = module.ggufWeight();
          gguf.matrix(weight + ".lora_a", branch.loraA().toArray(), branch.rank(), in);
          gguf.matrix(weight + ".lora_b", b, out, branch.rank());
        });
    StagedFiles.replace(file, gguf::writeTo);
  }
}
