package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrowsExactly;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an operation says to operands that do not fit: one line for each rule. */
class OperandErrorsTest {

  private record ErrorInput(Class<? extends Exception> type, String message, Executable mistake) {
    @Override
    public String toString() {
      return message;
    }
  }

  private static final List<ErrorInput> TABLE = new ArrayList<>();

  private static Tensor tensor(int... dims) {
    return Tensor.zeros(dims);
  }

  private static Tensor onATape(int... dims) {
    return tensor(dims).on(new Tape());
  }

  private static void shapes(String message, Executable mistake) {
    TABLE.add(new ErrorInput(ShapeMismatchException.class, message, mistake));
  }

  private static void argument(String message, Executable mistake) {
    TABLE.add(new ErrorInput(IllegalArgumentException.class, message, mistake));
  }

  static {
    shapes(
        "tensor: 6 elements expected for shape (2, 3), got 5", () -> Tensor.of(new float[5], 2, 3));
    shapes("item: one element expected, got shape (2)", () -> tensor(2).item());
    shapes(
        "add: equal shapes expected, got (2, 3) and (3, 2)", () -> tensor(2, 3).add(tensor(3, 2)));
    shapes(
        "multiply: equal shapes expected, got (6) and (2, 3)",
        () -> tensor(6).multiply(tensor(2, 3)));
    shapes(
        "matmul: (..., k) x (k, n) expected, got (2, 3) and (2, 3)",
        () -> tensor(2, 3).matmul(tensor(2, 3)));
    shapes(
        "matmul: (..., k) x (k, n) expected, got (2, 3) and (3)",
        () -> tensor(2, 3).matmul(tensor(3)));
    shapes(
        "matmul: (..., k) x (k, n) expected, got () and (1, 1)",
        () -> tensor().matmul(tensor(1, 1)));
    shapes(
        "low-rank branch: (..., in), (in, r) and (r, out) expected, got (2, 3) and (4, 5) and (5, 3)",
        () -> new LowRankBranch(tensor(2, 3), tensor(4, 5), tensor(5, 3), 1));
    shapes(
        "low-rank branch: (..., in), (in, r) and (r, out) expected, got (2, 3) and (3, 5) and (4, 3)",
        () -> new LowRankBranch(tensor(2, 3), tensor(3, 5), tensor(4, 3), 1));
    shapes(
        "linear: a branch from (2, 3) to (2, 5) expected, got (2, 3) and (1, 4)",
        () ->
            tensor(2, 3)
                .linear(
                    tensor(5, 3),
                    null,
                    null,
                    new LowRankBranch(tensor(2, 3), tensor(3, 1), tensor(1, 4), 1)));
    shapes(
        "linear: an addend (2, 5) expected, got (5, 2)",
        () -> tensor(2, 3).linear(tensor(5, 3), null, tensor(5, 2), null));
    shapes(
        "linear: (..., in) and a weight (out, in) expected, got (2, 3) and (3, 2)",
        () -> tensor(2, 3).linear(tensor(3, 2), null));
    shapes(
        "linear: (..., in) and a weight (out, in) expected, got (2, 3) and (3)",
        () -> tensor(2, 3).linear(tensor(3), null));
    shapes(
        "linear: a bias (5) expected, got (3)", () -> tensor(2, 3).linear(tensor(5, 3), tensor(3)));
    shapes(
        "layerNorm: weight and bias (3) expected, got (3) and (2)",
        () -> tensor(2, 3).layerNorm(tensor(3), tensor(2), 1));
    shapes(
        "layerNorm: weight and bias (3) expected, got (1, 3) and (3)",
        () -> tensor(2, 3).layerNorm(tensor(1, 3), tensor(3), 1));
    shapes(
        "layerNorm: rows (..., C) expected, got ()",
        () -> tensor().layerNorm(tensor(1), tensor(1), 1));
    shapes("softmax: rows (..., C) expected, got ()", () -> tensor().softmax());
    shapes("gatherRows: (N, C) expected, got (3)", () -> tensor(3).gatherRows(new int[1]));
    argument(
        "gatherRows: indices from 0 to 2 expected, got 3 (at 1)",
        () -> tensor(3, 2).gatherRows(new int[] {0, 3}));
    shapes(
        "embedding: a table (V, C) expected, got (3)", () -> tensor(3).embedding(new int[1], null));
    argument(
        "embedding: indices from 0 to 2 expected, got -1 (at 0)",
        () -> tensor(3, 2).embedding(new int[] {-1}, null));
    argument(
        "embedding: the tape of the table expected, got another one or none",
        () -> onATape(3, 2).embedding(new int[1], null));
    attention();
    losses();
    argument("dropout: a probability in [0, 1) expected, got 1.0", () -> tensor(2).dropout(1, 0));
    argument(
        "dropout: a probability in [0, 1) expected, got -0.1", () -> tensor(2).dropout(-0.1f, 0));
    argument(
        "dropout: a probability in [0, 1) expected, got NaN",
        () -> tensor(2).dropout(Float.NaN, 0));
    twoTapes();
  }

  private static void attention() {
    shapes(
        "causalAttention: query, key and value of one shape (N, C) expected,"
            + " got (2, 4) and (2, 4) and (3, 4)",
        () -> tensor(2, 4).causalAttention(tensor(2, 4), tensor(3, 4), 2, new int[] {0, 2}));
    shapes(
        "causalAttention: query, key and value of one shape (N, C) expected,"
            + " got () and () and ()",
        () -> tensor().causalAttention(tensor(), tensor(), 1, new int[] {0, 1}));
    shapes(
        "causalAttention: query, key and value side by side, (N, 3C) expected, got (2, 4)",
        () -> tensor(2, 4).causalAttention(2, new int[] {0, 2}));
    shapes(
        "causalAttention: query, key and value side by side, (N, 3C) expected, got (6)",
        () -> tensor(6).causalAttention(2, new int[] {0, 2}));
    shapes(
        "causalAttention: (N, C) with C a multiple of the heads expected, got (2, 12) and 3 heads",
        () -> tensor(2, 12).causalAttention(3, new int[] {0, 2}));
    shapes(
        "causalAttention: (N, C) with C a multiple of the heads expected, got (2, 12) and 0 heads",
        () -> tensor(2, 12).causalAttention(0, new int[] {0, 2}));
    offsets("[]");
    offsets("[0, 2]", 0, 2);
    offsets("[0, 4]", 0, 4);
    offsets("[1, 3]", 1, 3);
    offsets("[0, 2, 1, 3]", 0, 2, 1, 3);
    offsets("[0, 2, 2, 3]", 0, 2, 2, 3);
    offsets("[0, 1, 2, 3, 4, 5, 6, 7] and 2 more", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  }

  private static void offsets(String shown, int... offsets) {
    shapes(
        "causalAttention: offsets ascending from 0 to the number of tokens, 3, expected, got "
            + shown,
        () -> tensor(3, 6).causalAttention(2, offsets));
  }

  private static void losses() {
    shapes(
        "crossEntropy: one target for each of the rows of (2, 3) expected, got 1",
        () -> tensor(2, 3).crossEntropy(new int[1], -1));
    shapes(
        "crossEntropy: logits (..., classes) expected, got ()",
        () -> tensor().crossEntropy(new int[1], -1));
    argument(
        "crossEntropy: targets from 0 to 2, or -1 to ignore a row, expected, got 3 (row 1)",
        () -> tensor(2, 3).crossEntropy(new int[] {0, 3}, -1));
    argument(
        "crossEntropy: targets from 0 to 2, or -1 to ignore a row, expected, got -2 (row 0)",
        () -> tensor(2, 3).crossEntropy(new int[] {-2, 0}, -1));
    argument(
        "crossEntropy: a row that counts expected, got 2 rows all ignored",
        () -> tensor(2, 3).crossEntropy(new int[] {-1, -1}, -1));
  }

  private static void twoTapes() {
    twoTapes("add", () -> onATape(2).add(onATape(2)));
    twoTapes("multiply", () -> onATape(2).multiply(onATape(2)));
    twoTapes("matmul", () -> onATape(2, 2).matmul(onATape(2, 2)));
    twoTapes("linear", () -> onATape(2, 2).linear(tensor(2, 2), onATape(2)));
    twoTapes("linear", () -> onATape(2, 2).linear(tensor(2, 2), null, onATape(2, 2), null));
    twoTapes("layerNorm", () -> onATape(2, 2).layerNorm(onATape(2), tensor(2), 1));
    twoTapes(
        "causalAttention",
        () -> onATape(2, 2).causalAttention(tensor(2, 2), onATape(2, 2), 1, new int[] {0, 2}));
  }

  private static void twoTapes(String operation, Executable mistake) {
    argument(operation + ": operands on one tape expected, got two tapes", mistake);
  }

  static List<ErrorInput> table() {
    return TABLE;
  }

  @ParameterizedTest
  @MethodSource("table")
  void theMessageNamesTheOperationAndWhatItGot(ErrorInput input) {
    Exception thrown = assertThrowsExactly(input.type(), input.mistake());

    assertEquals(input.message(), thrown.getMessage());
  }
}
