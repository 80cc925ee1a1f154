package io.github.lora4j.nn;

import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.DoubleOps;
import io.github.lora4j.tensor.LowRankBranch;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A language model of two transformer blocks, every linear layer with a low-rank branch beside it,
 * and the head tied to the embedding: the operations as a real model combines them. {@link
 * #expectedLogits} is the same in double precision.
 */
final class TwoBlocks extends SequenceModel {

  private static final float EPS = 1e-5f;
  private static final float SCALING = 0.5f;
  private static final int RANK = 2;

  private final int vocabulary;
  private final int context;
  private final int channels;
  private final int heads;
  private final Embedding tokens;
  private final Embedding positions;
  private final ModuleList<Block> blocks;
  private final LayerNorm norm;
  private final Linear head;

  /** A model with normal random parameters, all trained. */
  TwoBlocks(int vocabulary, int context, int channels, int heads) {
    this.vocabulary = vocabulary;
    this.context = context;
    this.channels = channels;
    this.heads = heads;
    tokens = child("wte", new Embedding(random(1, 0.5f, vocabulary, channels)));
    positions = child("wpe", new Embedding(random(2, 0.5f, context, channels)));
    blocks =
        child(
            "h",
            new ModuleList<>(
                IntStream.of(10, 20).mapToObj(key -> new Block(key, channels, heads)).toList()));
    norm = child("ln_f", norm(3, channels));
    head = child("head", new Linear(tokens.weight(), null, null));
  }

  private static Parameter random(long key, float deviation, int... dims) {
    Tensor tensor = Tensor.zeros(dims);
    CounterRandom.fillGaussian(CounterRandom.key(31, key), deviation, tensor.data());
    return Parameter.trained(tensor);
  }

  private static LayerNorm norm(long key, int channels) {
    Parameter weight = random(key, 0.2f, channels);
    for (int i = 0; i < channels; i++) {
      weight.data()[i] += 1;
    }
    return new LayerNorm(weight, random(key + 100, 0.2f, channels), EPS);
  }

  /** A linear layer with a branch: {@code y = x W^T + b + 0.5 (x A) B}. */
  private static final class Adapted extends Layer {
    private final Linear linear;
    private final Parameter a;
    private final Parameter b;

    Adapted(long key, int in, int out) {
      float deviation = (float) (1 / Math.sqrt(in));
      linear =
          child(
              "linear",
              new Linear(random(key, deviation, out, in), random(key + 200, 0.1f, out), null));
      a = parameter("A", random(key + 300, deviation, in, RANK));
      b = parameter("B", random(key + 400, 0.7f, RANK, out));
    }

    @Override
    public Tensor forward(Tensor x) {
      return linear.forward(x, null, new LowRankBranch(x, a.tensor(), b.tensor(), SCALING));
    }
  }

  private static final class Block extends Module {
    private final LayerNorm firstNorm;
    private final Slot attention;
    private final Slot projection;
    private final LayerNorm secondNorm;
    private final Slot up;
    private final Gelu gelu;
    private final Slot down;
    private final int heads;

    Block(long key, int channels, int heads) {
      this.heads = heads;
      firstNorm = child("ln_1", norm(key, channels));
      attention = slot("c_attn", new Adapted(key + 1, channels, 3 * channels));
      projection = slot("c_proj", new Adapted(key + 2, channels, channels));
      secondNorm = child("ln_2", norm(key + 3, channels));
      up = slot("up", new Adapted(key + 4, channels, 4 * channels));
      gelu = child("act", new Gelu());
      down = slot("down", new Adapted(key + 5, 4 * channels, channels));
    }

    Tensor forward(Tensor x, int[] offsets) {
      Tensor queryKeyValue = attention.forward(firstNorm.forward(x));
      x = x.add(projection.forward(queryKeyValue.causalAttention(heads, offsets)));
      return x.add(down.forward(gelu.forward(up.forward(secondNorm.forward(x)))));
    }
  }

  @Override
  public Tensor forward(Sequences batch, Tape tape) {
    Tensor x =
        tokens.forward(batch.tokenIds(), tape).add(positions.forward(batch.positions(), tape));
    for (Block block : blocks) {
      x = block.forward(x, batch.offsets());
    }
    return head.forward(norm.forward(x));
  }

  @Override
  public int contextLength() {
    return context;
  }

  @Override
  public int vocabularySize() {
    return vocabulary;
  }

  /** The names of the parameters of the branches. */
  static boolean isOfABranch(String name) {
    return name.endsWith(".A") || name.endsWith(".B");
  }

  /** Freezes all but the branches. */
  TwoBlocks trainingBranches() {
    namedParameters().forEach((name, parameter) -> parameter.setTrained(isOfABranch(name)));
    return this;
  }

  /** The logits in double precision. */
  double[] expectedLogits(Map<String, double[]> p, Sequences batch) {
    double[] table = p.get("wte.weight");
    double[] x =
        DoubleOps.add(
            DoubleOps.gatherRows(table, batch.tokenIds(), channels),
            DoubleOps.gatherRows(p.get("wpe.weight"), batch.positions(), channels));
    for (String block : List.of("h.0.", "h.1.")) {
      double[] qkv = adapted(p, block + "c_attn", norm(p, block + "ln_1", x), channels);
      double[] attended =
          DoubleOps.causalAttention(
              DoubleOps.columns(qkv, 3 * channels, 0, channels),
              DoubleOps.columns(qkv, 3 * channels, channels, channels),
              DoubleOps.columns(qkv, 3 * channels, 2 * channels, channels),
              channels,
              heads,
              batch.offsets());
      x = DoubleOps.add(x, adapted(p, block + "c_proj", attended, channels));
      double[] up = adapted(p, block + "up", norm(p, block + "ln_2", x), channels);
      x = DoubleOps.add(x, adapted(p, block + "down", DoubleOps.gelu(up), 4 * channels));
    }
    return DoubleOps.linear(norm(p, "ln_f", x), table, channels);
  }

  private static double[] norm(Map<String, double[]> p, String name, double[] x) {
    return DoubleOps.layerNorm(x, p.get(name + ".weight"), p.get(name + ".bias"), EPS);
  }

  private static double[] adapted(Map<String, double[]> p, String name, double[] x, int in) {
    double[] b = p.get(name + ".B");
    double[] down = DoubleOps.matmul(x, p.get(name + ".A"), in, RANK);
    double[] branch = DoubleOps.matmul(down, b, RANK, b.length / RANK);
    double[] linear = DoubleOps.linear(x, p.get(name + ".linear.weight"), in);
    return DoubleOps.add(
        DoubleOps.addToRows(linear, p.get(name + ".linear.bias")),
        DoubleOps.scale(branch, SCALING));
  }
}
