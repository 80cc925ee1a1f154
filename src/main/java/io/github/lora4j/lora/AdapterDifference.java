package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;

/**
 * How two adapters differ, module by module, by what they add to the weights: {@code d = factor B
 * A}, whatever A and B are. The relative distance of two is {@code ||d1 - d2|| / max(||d1||,
 * ||d2||)}, Frobenius norms, 0 if both are zero; it is between 0 and 2.
 *
 * <p>Two adapters of this library for one layout are compared by the paths of their modules, in all
 * that was saved. Others, such as one of a fused and one of a split model, or one of PEFT, are
 * compared by published names, in what PEFT's files hold.
 *
 * @param modules the branches that both have
 * @param tensors what else both have, such as magnitudes, biases and a head
 * @param onlyInFirst the names of branches and tensors that the second has not
 * @param onlyInSecond the names of branches and tensors that the first has not
 * @param uses how the adapters are to be used in different ways: task and labels, one sentence each
 */
public record AdapterDifference(
    List<ModuleDifference> modules,
    List<TensorDifference> tensors,
    List<String> onlyInFirst,
    List<String> onlyInSecond,
    List<String> uses) {

  /** Copies the lists. */
  public AdapterDifference {
    modules = List.copyOf(modules);
    tensors = List.copyOf(tensors);
    onlyInFirst = List.copyOf(onlyInFirst);
    onlyInSecond = List.copyOf(onlyInSecond);
    uses = List.copyOf(uses);
  }

  /**
   * One adapter's branch of a module.
   *
   * @param rank r
   * @param alpha what it is scaled by
   * @param factor what the product is multiplied by
   * @param norm {@code ||factor B A||}
   */
  public record Side(int rank, float alpha, float factor, double norm) {

    private static Side of(PublishedBranch branch) {
      return new Side(branch.rank(), branch.alpha(), branch.factor(), LowRankNorms.delta(branch));
    }
  }

  /**
   * A module with a branch in both.
   *
   * @param name its name
   * @param first its branch in the first
   * @param second its branch in the second
   * @param distance the relative distance of what is added to the weight
   * @param isSame whether all is the same, bit for bit
   */
  public record ModuleDifference(
      String name, Side first, Side second, double distance, boolean isSame) {}

  /**
   * Another tensor that both have.
   *
   * @param name its name
   * @param firstNorm its norm in the first
   * @param secondNorm its norm in the second
   * @param distance the relative distance
   * @param isSame whether all is the same, bit for bit
   */
  public record TensorDifference(
      String name, double firstNorm, double secondNorm, double distance, boolean isSame) {}

  /**
   * Compares two adapters.
   *
   * @param first the folder of one
   * @param second the folder of the other
   * @return how they differ
   * @throws MismatchException if a module or tensor has different sizes in them, or one has no
   *     published names to compare it by
   * @throws IOException as {@link AdapterContents#read}
   */
  public static AdapterDifference of(Path first, Path second) throws IOException {
    AdapterContents one = AdapterContents.read(first);
    AdapterContents other = AdapterContents.read(second);
    boolean hasOwnNames = one.kind() == AdapterContents.Kind.LORA4J && other.kind() == one.kind();
    List<String> uses = uses(one.metadata(), other.metadata(), hasOwnNames);
    if (!hasOwnNames || !layout(one).equals(layout(other))) {
      one = new AdapterContentsReader(first).readPublished();
      other = new AdapterContentsReader(second).readPublished();
    }
    List<String> onlyInFirst = new ArrayList<>();
    List<String> onlyInSecond = new ArrayList<>();
    compareNames(one, other, onlyInFirst);
    compareNames(other, one, onlyInSecond);
    return new AdapterDifference(
        modules(one.published(), other.published(), second),
        tensors(one.otherTensors(), other.otherTensors(), second),
        onlyInFirst,
        onlyInSecond,
        uses);
  }

  private static String layout(AdapterContents contents) {
    return contents.metadata().facts().getOrDefault("qkv", "");
  }

  private static List<String> uses(
      AdapterMetadata first, AdapterMetadata second, boolean areLabelsNamed) {
    List<String> uses = new ArrayList<>();
    if (first.task() != second.task()) {
      uses.add("task: %s and %s".formatted(first.task(), second.task()));
    }
    // PEFT does not file the names of labels; how many there are shows in the head.
    if (areLabelsNamed && !first.labels().equals(second.labels())) {
      uses.add(
          "labels: %s and %s"
              .formatted(
                  Excerpt.of(first.labels().toString()), Excerpt.of(second.labels().toString())));
    }
    return uses;
  }

  private static void compareNames(
      AdapterContents one, AdapterContents other, List<String> onlyInOne) {
    for (String name : one.published().keySet()) {
      if (!other.published().containsKey(name)) {
        onlyInOne.add(name);
      }
    }
    for (String name : one.otherTensors().keySet()) {
      if (!other.otherTensors().containsKey(name)) {
        onlyInOne.add(name);
      }
    }
  }

  private static List<ModuleDifference> modules(
      SortedMap<String, PublishedBranch> ones, SortedMap<String, PublishedBranch> others, Path path)
      throws MismatchException {
    List<ModuleDifference> modules = new ArrayList<>();
    for (String name : ones.keySet()) {
      PublishedBranch one = Objects.requireNonNull(ones.get(name));
      PublishedBranch other = others.get(name);
      if (other == null) {
        continue;
      }
      int in = one.loraA().shape().dim(1);
      int out = one.loraB().shape().dim(0);
      if (other.loraA().shape().dim(1) != in || other.loraB().shape().dim(0) != out) {
        throw differentSizes(
            path,
            name,
            "(%d, %d)".formatted(in, out),
            "(%d, %d)".formatted(other.loraA().shape().dim(1), other.loraB().shape().dim(0)));
      }
      Side first = Side.of(one);
      Side second = Side.of(other);
      boolean isSame =
          one.rank() == other.rank()
              && one.alpha() == other.alpha()
              && one.scaling() == other.scaling()
              && isSame(one.loraA(), other.loraA())
              && isSame(one.loraB(), other.loraB());
      double distance = isSame ? 0 : LowRankNorms.distance(one, other);
      modules.add(
          new ModuleDifference(
              name, first, second, relative(distance, first.norm(), second.norm()), isSame));
    }
    return modules;
  }

  private static List<TensorDifference> tensors(
      SortedMap<String, Tensor> ones, SortedMap<String, Tensor> others, Path path)
      throws MismatchException {
    List<TensorDifference> tensors = new ArrayList<>();
    for (String name : ones.keySet()) {
      Tensor one = Objects.requireNonNull(ones.get(name));
      Tensor other = others.get(name);
      if (other == null) {
        continue;
      }
      if (!one.shape().equals(other.shape())) {
        throw differentSizes(path, name, one.shape().toString(), other.shape().toString());
      }
      double first = LowRankNorms.of(one.data());
      double second = LowRankNorms.of(other.data());
      double distance = LowRankNorms.distance(one.data(), other.data());
      tensors.add(
          new TensorDifference(
              name, first, second, relative(distance, first, second), isSame(one, other)));
    }
    return tensors;
  }

  private static MismatchException differentSizes(
      Path path, String name, String expected, String got) {
    return new MismatchException(
        "AD-34",
        path.toString(),
        Excerpt.of(name),
        "diff: an adapter of the same base expected, with %s here, got %s"
            .formatted(expected, got));
  }

  private static double relative(double distance, double first, double second) {
    double larger = Math.max(first, second);
    return distance == 0 || larger == 0 ? 0 : distance / larger;
  }

  /** Of bits: 0 and -0 are two things. */
  private static boolean isSame(Tensor one, Tensor other) {
    return one.shape().equals(other.shape()) && Arrays.equals(one.data(), other.data());
  }

  /**
   * The largest relative distance of a module or tensor that both have.
   *
   * @return 0 to 2
   */
  public double largestDistance() {
    double largest = 0;
    for (ModuleDifference module : modules) {
      largest = Math.max(largest, module.distance());
    }
    for (TensorDifference tensor : tensors) {
      largest = Math.max(largest, tensor.distance());
    }
    return largest;
  }

  /**
   * Whether the adapters differ by more than a tolerance. What only one has and another use always
   * does.
   *
   * @param tolerance what relative distance is accepted; 0 accepts no different bit
   * @return whether they do
   * @throws IllegalArgumentException if the tolerance is negative or NaN
   */
  public boolean exceeds(double tolerance) {
    if (!(tolerance >= 0)) {
      throw new IllegalArgumentException(
          "exceeds: a tolerance of at least 0 expected, got " + tolerance);
    }
    if (!onlyInFirst.isEmpty() || !onlyInSecond.isEmpty() || !uses.isEmpty()) {
      return true;
    }
    return tolerance > 0
        ? largestDistance() > tolerance
        : !modules.stream().allMatch(ModuleDifference::isSame)
            || !tensors.stream().allMatch(TensorDifference::isSame);
  }
}
