package io.github.lora4j.lora;

import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.ModuleList;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.Slot;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;

/** Models small enough to reason about. */
final class SmallModels {

  static final int CHANNELS = 4;

  private SmallModels() {}

  /** Random values. */
  static Tensor random(long seed, int... dims) {
    Tensor values = Tensor.zeros(dims);
    CounterRandom.fillGaussian(CounterRandom.key(seed), 1, values.data());
    return values;
  }

  /** A network such as a user writes one. */
  static final class Mlp extends Layer {

    private final Slot first = slot("first", new Linear(4, 5, true, 1));
    private final Slot second = slot("second", new Linear(5, 3, true, 2));

    @Override
    public Tensor forward(Tensor x) {
      return second.forward(first.forward(x).gelu());
    }
  }

  /** A linear layer as a loader makes it from rows of a published weight. */
  static Linear published(String name, int firstRow, int rows, int in, Tensor weight, Tensor bias) {
    float[] w = new float[rows * in];
    float[] b = new float[rows];
    System.arraycopy(weight.data(), firstRow * in, w, 0, w.length);
    System.arraycopy(bias.data(), firstRow, b, 0, rows);
    return new Linear(
        Parameter.frozen(Tensor.of(w, rows, in)),
        Parameter.frozen(Tensor.of(b, rows)),
        new Origin(name, firstRow, rows));
  }

  /**
   * Half of a transformer's block: what a fused or a split projection to query, key and value is
   * in.
   */
  static final class Attention extends Module {

    private final List<Slot> qkv;
    private final Slot cProj;

    Attention(int layer, boolean split) {
      String name = "h." + layer + ".attn.c_attn";
      Tensor weight = random(100 + layer, 3 * CHANNELS, CHANNELS);
      Tensor bias = random(200 + layer, 3 * CHANNELS);
      this.qkv =
          split
              ? IntStream.range(0, 3)
                  .mapToObj(
                      i ->
                          slot(
                              List.of("query", "key", "value").get(i),
                              published(name, i * CHANNELS, CHANNELS, CHANNELS, weight, bias)))
                  .toList()
              : List.of(slot("c_attn", published(name, 0, 3 * CHANNELS, CHANNELS, weight, bias)));
      this.cProj =
          slot(
              "c_proj",
              published(
                  "h." + layer + ".attn.c_proj",
                  0,
                  CHANNELS,
                  CHANNELS,
                  random(300 + layer, CHANNELS, CHANNELS),
                  random(400 + layer, CHANNELS)));
    }

    /** A nonsense attention that uses query, key and value differently. */
    Tensor forward(Tensor x) {
      List<Tensor> parts = qkv.stream().map(slot -> slot.forward(x)).toList();
      Tensor mixed;
      if (parts.size() == 3) {
        mixed = parts.get(0).causalAttention(parts.get(1), parts.get(2), 2, offsets(x));
      } else {
        mixed = parts.get(0).causalAttention(2, offsets(x));
      }
      return x.add(cProj.forward(mixed));
    }

    private static int[] offsets(Tensor x) {
      return new int[] {0, x.shape().dim(0)};
    }
  }

  /** One block, of attention alone. */
  static final class Block extends Module {

    private final Attention attn;

    Block(int layer, boolean split) {
      this.attn = child("attn", new Attention(layer, split));
    }

    Tensor forward(Tensor x) {
      return attn.forward(x);
    }
  }

  /** The body, as the published model names it. */
  static final class Body extends Module {

    private final ModuleList<Block> h;

    Body(int layers, boolean split) {
      this.h =
          child(
              "h",
              new ModuleList<>(
                  IntStream.range(0, layers).mapToObj(i -> new Block(i, split)).toList()));
    }

    Tensor forward(Tensor x) {
      Tensor y = x;
      for (Block block : h) {
        y = block.forward(y);
      }
      return y;
    }
  }

  /** Two layers and a head of two classes that is in no published file. */
  static final class Classifier extends Layer {

    private final Body transformer;
    private final Slot score;

    Classifier(int layers, boolean split, long headSeed) {
      this.transformer = child("transformer", new Body(layers, split));
      this.score = slot("score", new Linear(CHANNELS, 2, false, headSeed));
    }

    @Override
    public Tensor forward(Tensor x) {
      return score.forward(transformer.forward(x));
    }
  }

  /** Gives every B random values, as training would. */
  static void randomizeB(Module model, long seed) {
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof LoRALayer lora) {
                CounterRandom.fillGaussian(
                    CounterRandom.key(seed, CounterRandom.place(path)), 0.5f, lora.loraB().data());
              }
            });
  }
}
