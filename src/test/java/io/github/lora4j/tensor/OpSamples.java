package io.github.lora4j.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The table of calls that {@link OpGradientTest} checks: a line or more for every operation. */
final class OpSamples {

  static final long SEED = 7;
  static final long EPOCH = 1;
  static final long STEP = 3;

  private static final String ADD = "add(Tensor)";
  private static final String MULTIPLY = "multiply(Tensor)";
  private static final String SCALE = "scale(float)";
  private static final String GELU = "gelu()";
  private static final String DROPOUT = "dropout(float, long)";
  private static final String MATMUL = "matmul(Tensor)";
  private static final String LINEAR = "linear(Tensor, Tensor)";
  private static final String LINEAR_WITH_MORE = "linear(Tensor, Tensor, Tensor, LowRankBranch)";
  private static final String LAYER_NORM = "layerNorm(Tensor, Tensor, float)";
  private static final String SCALE_COLUMNS = "scaleColumns(Tensor, float[], Tensor, Tensor)";
  private static final String SOFTMAX = "softmax()";
  private static final String GATHER_ROWS = "gatherRows(int[])";
  private static final String EMBEDDING = "embedding(int[], Tape)";
  private static final String ATTENTION = "causalAttention(Tensor, Tensor, int, int[])";
  private static final String FUSED_ATTENTION = "causalAttention(int, int[])";
  private static final String LAST_ATTENTION = "lastTokenAttention(Tensor, Tensor, int, int[])";
  private static final String FUSED_LAST_ATTENTION = "lastTokenAttention(int, int[])";
  private static final String CROSS_ENTROPY = "crossEntropy(int[], int)";

  private static final String LINEAR_CROSS_ENTROPY = "linearCrossEntropy(Tensor, int[], int)";

  private static final int RANK = 3;
  private static final int IGNORED = -100;
  private static final float EPS = 1e-5f;

  private final List<OpSample> samples = new ArrayList<>();

  private OpSamples() {}

  static List<OpSample> all() {
    OpSamples table = new OpSamples();
    table.elementwise();
    table.products();
    table.rows();
    table.attention();
    table.losses();
    return table.samples;
  }

  private static Shape[] shapes(Shape... shapes) {
    return shapes;
  }

  private static Shape shape(int... dims) {
    return Shape.of(dims);
  }

  private void elementwise() {
    for (Shape shape : shapes(shape(), shape(1), shape(7, 13), shape(2, 3, 5))) {
      String name = shape.toString();
      samples.add(
          new OpSample(
              ADD,
              name,
              2,
              shapes(shape, shape),
              (x, tape) -> x[0].add(x[1]),
              x -> DoubleOps.add(x[0], x[1])));
      samples.add(
          new OpSample(
              MULTIPLY,
              name,
              2,
              shapes(shape, shape),
              (x, tape) -> x[0].multiply(x[1]),
              x -> DoubleOps.multiply(x[0], x[1])));
      samples.add(
          new OpSample(
              SCALE,
              name,
              1,
              shapes(shape),
              (x, tape) -> x[0].scale(-1.75f),
              x -> DoubleOps.scale(x[0], -1.75f)));
      samples.add(
          new OpSample(
              GELU, name, 1, shapes(shape), (x, tape) -> x[0].gelu(), x -> DoubleOps.gelu(x[0])));
    }
    samples.add(
        new OpSample(
            ADD,
            "an activation and a parameter",
            1,
            shapes(shape(3, 2), shape(3, 2)),
            (x, tape) -> x[0].add(x[1]),
            x -> DoubleOps.add(x[0], x[1])));
    samples.add(
        new OpSample(
            MULTIPLY,
            "a square",
            1,
            shapes(shape(3, 5)),
            (x, tape) -> x[0].multiply(x[0]),
            x -> DoubleOps.multiply(x[0], x[0])));
    samples.add(
        new OpSample(
            ADD,
            "twice the same",
            1,
            shapes(shape(3, 5)),
            (x, tape) -> x[0].add(x[0]),
            x -> DoubleOps.scale(x[0], 2)));
    samples.add(
        new OpSample(
                GELU,
                "from -12 to 12",
                1,
                shapes(shape(97)),
                (x, tape) -> x[0].gelu(),
                x -> DoubleOps.gelu(x[0]))
            .with((operand, i) -> (i - 48) / 4f));
    for (float probability : new float[] {0.1f, 0.5f}) {
      long place = CounterRandom.place("h.0.attn");
      samples.add(
          new OpSample(
              DROPOUT,
              "probability " + probability,
              1,
              shapes(shape(11, 7)),
              (x, tape) -> x[0].dropout(probability, place),
              x ->
                  DoubleOps.dropout(
                      x[0],
                      probability,
                      CounterRandom.key(CounterRandom.key(SEED, EPOCH, STEP), place))));
    }
  }

  private void products() {
    for (int[] mkn : new int[][] {{1, 1, 1}, {7, 13, 5}, {1, 19, 1}, {19, 1, 3}, {19, 23, 35}}) {
      int m = mkn[0];
      int k = mkn[1];
      int n = mkn[2];
      String name = "%d x %d by %d x %d".formatted(m, k, k, n);
      samples.add(
          new OpSample(
              MATMUL,
              name,
              1,
              shapes(shape(m, k), shape(k, n)),
              (x, tape) -> x[0].matmul(x[1]),
              x -> DoubleOps.matmul(x[0], x[1], k, n)));
      samples.add(
          new OpSample(
              LINEAR,
              name + ", bias",
              1,
              shapes(shape(m, k), shape(n, k), shape(n)),
              (x, tape) -> x[0].linear(x[1], x[2]),
              x -> DoubleOps.addToRows(DoubleOps.linear(x[0], x[1], k), x[2])));
      samples.add(
          new OpSample(
              LINEAR,
              name + ", no bias",
              1,
              shapes(shape(m, k), shape(n, k)),
              (x, tape) -> x[0].linear(x[1], null),
              x -> DoubleOps.linear(x[0], x[1], k)));
      samples.add(
          new OpSample(
              LINEAR_WITH_MORE,
              name + ", branch of the same input",
              2,
              shapes(
                  shape(m, k), shape(m, n), shape(n, k), shape(n), shape(k, RANK), shape(RANK, n)),
              (x, tape) ->
                  x[0].linear(x[2], x[3], x[1], new LowRankBranch(x[0], x[4], x[5], 0.75f)),
              x -> {
                double[] mapped = DoubleOps.addToRows(DoubleOps.linear(x[0], x[2], k), x[3]);
                double[] branch = DoubleOps.matmul(x[0], x[4], k, RANK);
                branch = DoubleOps.scale(DoubleOps.matmul(branch, x[5], RANK, n), 0.75);
                return DoubleOps.add(DoubleOps.add(x[1], mapped), branch);
              }));
      samples.add(
          new OpSample(
              LINEAR_WITH_MORE,
              name + ", branch of another input",
              2,
              shapes(shape(m, k), shape(m, k), shape(n, k), shape(k, RANK), shape(RANK, n)),
              (x, tape) -> x[0].linear(x[2], null, null, new LowRankBranch(x[1], x[3], x[4], -2)),
              x -> {
                double[] branch = DoubleOps.matmul(x[1], x[3], k, RANK);
                branch = DoubleOps.scale(DoubleOps.matmul(branch, x[4], RANK, n), -2);
                return DoubleOps.add(DoubleOps.linear(x[0], x[2], k), branch);
              }));
    }
    samples.add(
        new OpSample(
            MATMUL,
            "three dimensions, both activations",
            2,
            shapes(shape(2, 3, 5), shape(5, 7)),
            (x, tape) -> x[0].matmul(x[1]),
            x -> DoubleOps.matmul(x[0], x[1], 5, 7)));
    samples.add(
        new OpSample(
            LINEAR,
            "one dimension",
            1,
            shapes(shape(5), shape(3, 5), shape(3)),
            (x, tape) -> x[0].linear(x[1], x[2]),
            x -> DoubleOps.addToRows(DoubleOps.linear(x[0], x[1], 5), x[2])));
    samples.add(
        new OpSample(
            LINEAR,
            "three dimensions",
            1,
            shapes(shape(2, 3, 5), shape(7, 5), shape(7)),
            (x, tape) -> x[0].linear(x[1], x[2]),
            x -> DoubleOps.addToRows(DoubleOps.linear(x[0], x[1], 5), x[2])));
  }

  private void rows() {
    for (Shape shape :
        shapes(shape(3, 3), shape(7, 13), shape(2, 5, 37), shape(1, 131), shape(5))) {
      int columns = shape.columns();
      samples.add(
          new OpSample(
              LAYER_NORM,
              shape.toString(),
              1,
              shapes(shape, shape(columns), shape(columns)),
              (x, tape) -> x[0].layerNorm(x[1], x[2], EPS),
              x -> DoubleOps.layerNorm(x[0], x[1], x[2], EPS)));
      float[] divisors = new float[columns];
      for (int j = 0; j < columns; j++) {
        divisors[j] = 0.5f + j % 4;
      }
      samples.add(
          new OpSample(
              SCALE_COLUMNS,
              shape + " with bias and addend",
              2,
              shapes(shape, shape, shape(columns), shape(columns)),
              (x, tape) -> x[0].scaleColumns(x[2], divisors, x[3], x[1]),
              x ->
                  DoubleOps.add(
                      x[1], DoubleOps.addToRows(DoubleOps.columns(x[0], x[2], divisors), x[3]))));
      samples.add(
          new OpSample(
              SCALE_COLUMNS,
              shape + " alone",
              1,
              shapes(shape, shape(columns)),
              (x, tape) -> x[0].scaleColumns(x[1], divisors, null, null),
              x -> DoubleOps.columns(x[0], x[1], divisors)));
      samples.add(softmax(shape.toString(), shape));
    }
    samples.add(softmax("equal logits", shape(3, 7)).with((operand, i) -> 2.5f));
    samples.add(
        softmax("logits of 10,000, the greatest close together", shape(3, 7))
            .with((operand, i) -> i % 7 < 3 ? 1e4f + i % 7 : -1e4f));
    int[] rows = {4, 0, 4, 2, 4};
    int[] single = {0};
    samples.add(gatherRows("repeated rows", shape(5, 3), rows));
    samples.add(gatherRows("one row of one", shape(1, 1), single));
    samples.add(gatherRows("more columns than a task takes", shape(5, 131), rows));
    samples.add(embedding("repeated ids", shape(5, 3), rows));
    samples.add(embedding("one id of one", shape(1, 1), single));
  }

  private static OpSample softmax(String name, Shape shape) {
    return new OpSample(
        SOFTMAX,
        name,
        1,
        shapes(shape),
        (x, tape) -> x[0].softmax(),
        x -> DoubleOps.softmax(x[0], shape.columns()));
  }

  private static OpSample gatherRows(String name, Shape shape, int[] rows) {
    return new OpSample(
        GATHER_ROWS,
        name,
        1,
        shapes(shape),
        (x, tape) -> x[0].gatherRows(rows),
        x -> DoubleOps.gatherRows(x[0], rows, shape.columns()));
  }

  private static OpSample embedding(String name, Shape shape, int[] ids) {
    return new OpSample(
        EMBEDDING,
        name,
        0,
        shapes(shape),
        (x, tape) -> x[0].embedding(ids, tape),
        x -> DoubleOps.gatherRows(x[0], ids, shape.columns()));
  }

  /**
   * Lengths around 64 and 128, where a block of queries ends; heads of more than a tile's width.
   */
  private void attention() {
    attention(1, 1, 2);
    attention(6, 3, 1, 5, 2);
    attention(5, 1, 7, 1, 3);
    attention(14, 2, 4);
    attention(4, 4, 1, 1, 3);
    attention(2, 1, 3, 70, 1, 2);
    attention(2, 1, 64, 65);
    attention(2, 1, 131);
    attention(2, 1, 260);
    attention(40, 1, 33, 7);
  }

  private void attention(int channels, int heads, int... lengths) {
    int[] offsets = new int[lengths.length + 1];
    for (int i = 0; i < lengths.length; i++) {
      offsets[i + 1] = offsets[i] + lengths[i];
    }
    int tokens = offsets[lengths.length];
    String name =
        "%d channels, %d heads, lengths %s".formatted(channels, heads, Arrays.toString(lengths));
    Shape shape = shape(tokens, channels);
    samples.add(
        new OpSample(
            ATTENTION,
            name,
            3,
            shapes(shape, shape, shape),
            (x, tape) -> x[0].causalAttention(x[1], x[2], heads, offsets),
            x -> DoubleOps.causalAttention(x[0], x[1], x[2], channels, heads, offsets)));
    samples.add(
        new OpSample(
            FUSED_ATTENTION,
            name,
            1,
            shapes(shape(tokens, 3 * channels)),
            (x, tape) -> x[0].causalAttention(heads, offsets),
            x ->
                DoubleOps.causalAttention(
                    DoubleOps.columns(x[0], 3 * channels, 0, channels),
                    DoubleOps.columns(x[0], 3 * channels, channels, channels),
                    DoubleOps.columns(x[0], 3 * channels, 2 * channels, channels),
                    channels,
                    heads,
                    offsets)));
    int[] last = new int[offsets.length - 1];
    Arrays.setAll(last, i -> offsets[i + 1] - 1);
    samples.add(
        new OpSample(
            LAST_ATTENTION,
            name,
            3,
            shapes(shape(last.length, channels), shape, shape),
            (x, tape) -> x[0].lastTokenAttention(x[1], x[2], heads, offsets),
            x -> {
              double[] queries = new double[x[1].length]; // of the other tokens: anything
              for (int i = 0; i < last.length; i++) {
                System.arraycopy(x[0], i * channels, queries, last[i] * channels, channels);
              }
              return DoubleOps.gatherRows(
                  DoubleOps.causalAttention(queries, x[1], x[2], channels, heads, offsets),
                  last,
                  channels);
            }));
    samples.add(
        new OpSample(
            FUSED_LAST_ATTENTION,
            name,
            1,
            shapes(shape(tokens, 3 * channels)),
            (x, tape) -> x[0].lastTokenAttention(heads, offsets),
            x ->
                DoubleOps.gatherRows(
                    DoubleOps.causalAttention(
                        DoubleOps.columns(x[0], 3 * channels, 0, channels),
                        DoubleOps.columns(x[0], 3 * channels, channels, channels),
                        DoubleOps.columns(x[0], 3 * channels, 2 * channels, channels),
                        channels,
                        heads,
                        offsets),
                    last,
                    channels)));
  }

  private void losses() {
    int[] slices = new int[300];
    Arrays.setAll(slices, i -> i % 7 == 3 ? IGNORED : i * 5 % 11);
    samples.add(linearCrossEntropy("rows in two slices", 5, 11, slices));
    samples.add(linearCrossEntropy("37 classes, rows ignored", 20, 37, IGNORED, 36, 5, IGNORED, 0));
    samples.add(linearCrossEntropy("all rows but one ignored", 3, 5, IGNORED, IGNORED, 4));
    samples.add(crossEntropy("two classes, one row", 2, 1));
    samples.add(crossEntropy("7 classes", 7, 3, 0, 6, 3, 3));
    samples.add(crossEntropy("37 classes, rows ignored", 37, IGNORED, 36, 5, IGNORED, 0));
    samples.add(crossEntropy("all rows but one ignored", 5, IGNORED, IGNORED, 4, IGNORED));
    samples.add(crossEntropy("1,009 classes", 1009, 1008, 17));
    samples.add(crossEntropy("equal logits", 5, 4, 0, 1).with((operand, i) -> 3));
    samples.add(
        crossEntropy("logits of 10,000", 5, 4, 0, 0)
            .with((operand, i) -> i % 5 == 2 ? 1e4f : -1e4f));
  }

  private static OpSample linearCrossEntropy(String name, int in, int classes, int... targets) {
    return new OpSample(
        LINEAR_CROSS_ENTROPY,
        name,
        1,
        shapes(shape(targets.length, in), shape(classes, in)),
        (x, tape) -> x[0].linearCrossEntropy(x[1], targets, IGNORED),
        x ->
            new double[] {
              DoubleOps.crossEntropy(DoubleOps.linear(x[0], x[1], in), targets, IGNORED)
            });
  }

  private static OpSample crossEntropy(String name, int classes, int... targets) {
    return new OpSample(
        CROSS_ENTROPY,
        name,
        1,
        shapes(shape(targets.length, classes)),
        (x, tape) -> x[0].crossEntropy(targets, IGNORED),
        x -> new double[] {DoubleOps.crossEntropy(x[0], targets, IGNORED)});
  }
}
