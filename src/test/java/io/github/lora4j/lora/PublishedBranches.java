package io.github.lora4j.lora;

import io.github.lora4j.Fixtures;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Branches to write into foreign formats, and what they add to a weight. */
final class PublishedBranches {

  private static final String PREFIX = "base_model.model.transformer.";

  private PublishedBranches() {}

  /** A random branch. */
  static PublishedBranch random(long seed, int rank, float alpha, int in, int out) {
    return new PublishedBranch(
        rank, alpha, SmallModels.random(seed, rank, in), SmallModels.random(seed + 1, out, rank));
  }

  /** The branches of an adapter that PEFT wrote. */
  static Map<String, PublishedBranch> ofPeft(String adapter) throws IOException {
    Path folder = Fixtures.folder().resolve("adapters").resolve(adapter);
    Map<String, Object> config =
        Fixtures.asMap(Fixtures.value(folder.resolve("adapter_config.json")));
    Map<String, Object> alphas = Fixtures.asMap(config.get("alpha_pattern"));
    SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"));
    Map<String, PublishedBranch> branches = new TreeMap<>();
    for (String nameA : file.names()) {
      if (nameA.endsWith(".lora_A.weight")) {
        String name = nameA.substring(PREFIX.length(), nameA.length() - ".lora_A.weight".length());
        Tensor a = tensor(file, nameA);
        Tensor b = tensor(file, nameA.replace("lora_A", "lora_B"));
        double alpha = (double) alphas.getOrDefault(name, config.get("lora_alpha"));
        branches.put(name, new PublishedBranch(a.shape().dim(0), (float) alpha, a, b));
      }
    }
    return branches;
  }

  /** What PEFT's merge adds to a weight of the base, {@code (in, out)} turned to (out, in). */
  static float[][] peftDelta(String adapter, String name) throws IOException {
    Path folder = Fixtures.folder().resolve("adapters").resolve(adapter);
    SafetensorsFile merged = SafetensorsFile.open(folder.resolve("expected.safetensors"));
    SafetensorsFile base =
        SafetensorsFile.open(Fixtures.folder().resolve("gpt2-tiny/model.safetensors"));
    Tensor after = tensor(merged, "merged." + name + ".weight");
    Tensor before = tensor(base, name + ".weight");
    int in = before.shape().dim(0);
    int out = before.shape().dim(1);
    float[][] delta = new float[out][in];
    for (int i = 0; i < in; i++) {
      for (int o = 0; o < out; o++) {
        delta[o][i] = after.data()[i * out + o] - before.data()[i * out + o];
      }
    }
    return delta;
  }

  static Tensor tensor(SafetensorsFile file, String name) throws IOException {
    List<Long> shape = file.tensors().get(name).shape();
    return Tensor.of(file.readFloats(name), shape.stream().mapToInt(Long::intValue).toArray());
  }

  /** {@code alpha/rank * B A}, (out, in), in double. */
  static double[][] delta(PublishedBranch branch) {
    return delta(
        (double) branch.alpha() / branch.rank(),
        branch.loraA().data(),
        branch.loraB().data(),
        branch.rank());
  }

  /** {@code scale * B A} of A (rank, in) and B (out, rank). */
  static double[][] delta(double scale, float[] a, float[] b, int rank) {
    int in = a.length / rank;
    int out = b.length / rank;
    double[][] delta = new double[out][in];
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < in; i++) {
        double sum = 0;
        for (int r = 0; r < rank; r++) {
          sum += (double) b[o * rank + r] * a[r * in + i];
        }
        delta[o][i] = scale * sum;
      }
    }
    return delta;
  }

  /** The greatest difference as a fraction of the greatest expected value. */
  static double relativeError(double[][] expected, double[][] got) {
    double error = 0;
    double greatest = 0;
    if (expected.length != got.length || expected[0].length != got[0].length) {
      return Double.POSITIVE_INFINITY;
    }
    for (int o = 0; o < expected.length; o++) {
      for (int i = 0; i < expected[o].length; i++) {
        error = Math.max(error, Math.abs(expected[o][i] - got[o][i]));
        greatest = Math.max(greatest, Math.abs(expected[o][i]));
      }
    }
    return error / greatest;
  }

  static double[][] widened(float[][] matrix) {
    double[][] wide = new double[matrix.length][matrix[0].length];
    for (int o = 0; o < matrix.length; o++) {
      for (int i = 0; i < matrix[o].length; i++) {
        wide[o][i] = matrix[o][i];
      }
    }
    return wide;
  }
}
