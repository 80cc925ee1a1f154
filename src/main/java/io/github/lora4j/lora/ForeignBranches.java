package io.github.lora4j.lora;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.tensor.Tensor;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Branches on their way into a foreign format that has one number by which all of them are scaled.
 */
final class ForeignBranches {

  private ForeignBranches() {}

  /**
   * The branches in the order of the model, each checked.
   *
   * @param operation for messages
   * @param branches by published name
   * @throws IllegalArgumentException if there are none, a name is unknown, or a rank, alpha or
   *     shape cannot be
   * @throws NonFiniteException if a number is NaN or infinite
   */
  static SortedMap<BlockModule, PublishedBranch> checked(
      String operation, Map<String, PublishedBranch> branches) {
    if (branches.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: at least one branch expected, got none (adapt a module of the published model first,"
                  .formatted(operation)
              + " see Lora.replaceLinearWithLora)");
    }
    SortedMap<BlockModule, PublishedBranch> checked = new TreeMap<>();
    branches.forEach(
        (name, branch) -> {
          BlockModule module = BlockModule.requirePublished(operation, name);
          check(operation, name, branch);
          checked.put(module, branch.asLora());
        });
    return checked;
  }

  private static void check(String operation, String name, PublishedBranch branch) {
    int rank = branch.rank();
    if (rank < 1 || rank > LoraConfig.MAX_RANK) {
      throw new IllegalArgumentException(
          "%s: %s of a rank in [1, %d] expected, got %d (adapt it with a lower rank)"
              .formatted(operation, name, LoraConfig.MAX_RANK, rank));
    }
    float scaling = branch.alpha() / rank;
    if (!(scaling > 0 && branch.alpha() < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "%s: %s with a finite alpha above 0 expected, got %s (adapt it with such an alpha)"
              .formatted(operation, name, branch.alpha()));
    }
    Tensor a = branch.loraA();
    Tensor b = branch.loraB();
    if (a.shape().rank() != 2
        || b.shape().rank() != 2
        || a.shape().dim(0) != rank
        || b.shape().dim(1) != rank) {
      throw new IllegalArgumentException(
          "%s: %s with A (%d, in) and B (out, %d) expected, got %s and %s (A has a row and B a"
                  .formatted(operation, name, rank, rank, a.shape(), b.shape())
              + " column for each rank)");
    }
    FiniteNumbers.check(operation, name + ".lora_A", a.toArray(), FiniteNumbers.OF_A_MODEL);
    FiniteNumbers.check(operation, name + ".lora_B", b.toArray(), FiniteNumbers.OF_A_MODEL);
  }

  /**
   * {@code factor * B}, {@code (out, r)}, each element rounded once; exact where the factor is a
   * power of two and no element becomes subnormal.
   *
   * @throws IllegalArgumentException if an element overflows
   */
  static float[] foldedB(
      String operation, BlockModule module, PublishedBranch branch, double factor) {
    float[] b = branch.loraB().toArray();
    for (int i = 0; i < b.length; i++) {
      b[i] = (float) (b[i] * factor);
      if (!Float.isFinite(b[i])) {
        throw new IllegalArgumentException(
            "%s: a scaling of %s near those of the others expected, got one that is %s times theirs"
                    .formatted(operation, module.publishedName(), factor)
                + ", with which B overflows (give all modules one alpha)");
      }
    }
    return b;
  }
}
