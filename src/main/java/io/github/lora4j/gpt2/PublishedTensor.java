package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Origin;
import io.github.lora4j.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One tensor of a published GPT-2 file.
 *
 * @param module the path of the module it belongs to, such as {@code h.0.attn.c_attn}
 * @param name the name of the parameter in that module, {@code weight} or {@code bias}
 * @param shape its shape in memory
 * @param conv1d whether the file holds it as {@code (in, out)}, the transpose of what is in memory
 */
record PublishedTensor(String module, String name, Shape shape, boolean conv1d) {

  private static final List<String> SPLIT_NAMES = List.of("query", "key", "value");

  /**
   * What one module in memory holds of a published tensor.
   *
   * @param path the path of the parameter in memory, such as {@code h.0.attn.query.weight}
   * @param origin which rows of the published tensor, as it is in memory, these are
   */
  record Part(String path, Origin origin) {

    /** This part of a tensor that was read from a file. */
    Part withSha256(String digest) {
      return new Part(path, origin.withSha256(digest));
    }
  }

  /**
   * All tensors of a model.
   *
   * @param config its sizes
   * @return in the order of the module tree
   */
  static List<PublishedTensor> of(Gpt2Config config) {
    int channels = config.nEmbd();
    List<PublishedTensor> tensors = new ArrayList<>();
    tensors.add(
        new PublishedTensor("wte", "weight", Shape.of(config.vocabSize(), channels), false));
    tensors.add(
        new PublishedTensor("wpe", "weight", Shape.of(config.contextLength(), channels), false));
    for (int i = 0; i < config.nLayer(); i++) {
      String block = "h." + i;
      addNorm(tensors, block + ".ln_1", channels);
      addLinear(tensors, block + ".attn.c_attn", channels, 3 * channels);
      addLinear(tensors, block + ".attn.c_proj", channels, channels);
      addNorm(tensors, block + ".ln_2", channels);
      addLinear(tensors, block + ".mlp.c_fc", channels, config.nInner());
      addLinear(tensors, block + ".mlp.c_proj", config.nInner(), channels);
    }
    addNorm(tensors, "ln_f", channels);
    return tensors;
  }

  private static void addNorm(List<PublishedTensor> tensors, String module, int channels) {
    tensors.add(new PublishedTensor(module, "weight", Shape.of(channels), false));
    tensors.add(new PublishedTensor(module, "bias", Shape.of(channels), false));
  }

  private static void addLinear(List<PublishedTensor> tensors, String module, int in, int out) {
    tensors.add(new PublishedTensor(module, "weight", Shape.of(out, in), true));
    tensors.add(new PublishedTensor(module, "bias", Shape.of(out), false));
  }

  /** The name in the file, without the prefix that some files have. */
  String path() {
    return module + "." + name;
  }

  /** Whether it is the weight of products: of a Linear, or the embeddings with the tied output. */
  boolean isWeight() {
    return conv1d || module.equals("wte");
  }

  /** The shape in the file. */
  List<Long> fileShape() {
    return conv1d
        ? List.of((long) shape.dim(1), (long) shape.dim(0))
        : IntStream.of(shape.toArray()).mapToObj(dim -> (long) dim).toList();
  }

  /**
   * The parameters that hold this tensor in memory.
   *
   * @param layout decides about {@code c_attn}
   * @return one part, or query, key and value
   */
  List<Part> parts(QkvLayout layout) {
    int rows = shape.dim(0);
    if (layout == QkvLayout.FUSED || !module.endsWith(".c_attn")) {
      return List.of(new Part(path(), new Origin(module, 0, rows)));
    }
    String attention = module.substring(0, module.lastIndexOf('.') + 1);
    int each = rows / SPLIT_NAMES.size();
    List<Part> parts = new ArrayList<>();
    for (String projection : SPLIT_NAMES) {
      parts.add(
          new Part(
              attention + projection + "." + name, new Origin(module, each * parts.size(), each)));
    }
    return parts;
  }

  /** The shape of a part in memory. */
  Shape shape(Part part) {
    return shape.rank() == 1
        ? Shape.of(part.origin().rows())
        : Shape.of(part.origin().rows(), shape.dim(1));
  }
}
