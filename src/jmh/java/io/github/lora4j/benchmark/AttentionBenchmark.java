package io.github.lora4j.benchmark;

import io.github.lora4j.tensor.Buffers;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Causal attention over about 960 tokens, cut into sequences of equal length; heads of 64 channels.
 *
 * <p>Counted is what the causal products need: pairs of a query and a key it sees, two products of
 * them forward and four backward. What an implementation computes besides (masked scores, scores
 * again in the backward pass, the soft-max) makes its rate lower.
 */
public class AttentionBenchmark extends KernelBenchmark {

  private static final int TOKENS = 960;
  private static final int HEAD = 64;

  @Param({"768", "1024", "1280", "1600"})
  public int width;

  /** Tokens of a sequence. */
  @Param({"30", "120", "1024"})
  public int tokens;

  private int[] offsets;
  private Tensor query;
  private Tensor key;
  private Tensor value;

  @Setup
  public void setUp() {
    open();
    int sequences = sequences(tokens);
    offsets = new int[sequences + 1];
    Arrays.setAll(offsets, i -> i * tokens);
    query = tensor(sequences * tokens, width);
    key = tensor(sequences * tokens, width);
    value = tensor(sequences * tokens, width);
  }

  private static int sequences(int tokens) {
    return Math.max(1, TOKENS / tokens);
  }

  private static Tensor tensor(int rows, int columns) {
    return Tensor.of(random(rows * columns), rows, columns);
  }

  @Benchmark
  public Tensor attention() {
    return query.causalAttention(key, value, width / HEAD, offsets);
  }

  /** A forward pass to be run backwards, made before every call. */
  @State(Scope.Benchmark)
  public static class Recorded {

    private final Buffers buffers = new Buffers();
    private Tensor left;
    private Tensor right;
    private Tensor loss;

    @Setup
    public void setUp(AttentionBenchmark of) {
      left = tensor(1, of.query.shape().rows());
      right = tensor(of.width, 1);
    }

    /**
     * The loss is {@code left out right}: cheap beside the attention, and its gradient is dense.
     */
    @Setup(Level.Invocation)
    public void record(AttentionBenchmark of) {
      for (Tensor operand : new Tensor[] {of.query, of.key, of.value}) {
        operand.zeroGrad();
        operand.requireGrad(true);
      }
      Tensor out =
          of.query
              .on(new Tape(buffers, 0, 0, 0))
              .causalAttention(of.key, of.value, of.width / HEAD, of.offsets);
      loss = left.matmul(out).matmul(right);
    }
  }

  @Benchmark
  public void attentionBackward(Recorded recorded) {
    recorded.loss.backward();
  }

  static Work work(Parameters parameters) {
    int tokens = parameters.number("tokens");
    double pairs = sequences(tokens) * (tokens * (tokens + 1.0) / 2);
    int products = parameters.method().equals("attention") ? 2 : 4;
    return Work.flops(2 * pairs * parameters.number("width") * products);
  }
}
