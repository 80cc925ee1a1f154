package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Sizes and numbers at which {@link OpSamples} cannot ask for a gradient other than zero. */
class AwkwardInputsTest {

  private static final float[] NONE = {};

  private static float[] gaussian(long key, int length) {
    float[] values = new float[length];
    CounterRandom.fillGaussian(key, 1, values);
    return values;
  }

  private static Tensor trained(Tape tape, float[] data, int... dims) {
    return Tensor.of(data, dims).on(tape).requireGrad(true);
  }

  /** A scalar with the gradient 1, 2, 3 ... by the elements of y. */
  private static Tensor rampSum(Tensor y, Tape tape) {
    return rampSum(y, 1, tape);
  }

  private static Tensor rampSum(Tensor y, float first, Tape tape) {
    float[] ramp = new float[y.shape().numel()];
    for (int i = 0; i < ramp.length; i++) {
      ramp[i] = first + i;
    }
    Tensor sum = Tensor.outcome(Shape.of(), new float[1], tape, true);
    Gradient dY = y.neededGradient();
    tape.record(sum, dOut -> dY.add(ramp));
    return sum;
  }

  @Test
  void softmaxOfOneColumnIsOneWithoutGradient() {
    Tape tape = new Tape();
    Tensor x = trained(tape, new float[] {-1e4f, 0, 3}, 3, 1);
    Tensor y = x.softmax();
    rampSum(y, tape).backward();

    assertArrayEquals(new float[] {1, 1, 1}, y.data());
    assertArrayEquals(new float[3], x.grad());
  }

  @Test
  void layerNormOfOneColumnIsTheBias() {
    Tape tape = new Tape();
    Tensor x = trained(tape, new float[] {5, -3}, 2, 1);
    Tensor weight = Tensor.of(new float[] {7}, 1).requireGrad(true);
    Tensor bias = Tensor.of(new float[] {0.25f}, 1).requireGrad(true);
    Tensor y = x.layerNorm(weight, bias, 1e-5f);
    rampSum(y, tape).backward();

    assertArrayEquals(new float[] {0.25f, 0.25f}, y.data());
    assertArrayEquals(new float[2], x.grad());
    assertArrayEquals(new float[1], weight.grad());
    assertArrayEquals(new float[] {3}, bias.grad());
  }

  @Test
  void layerNormOfEqualNumbersIsTheBias() {
    float[] sevens = {7, 7, 7, 7, 7};
    float[] bias = {1, 2, 3, 4, 5};
    Tensor y =
        Tensor.of(sevens, 5).layerNorm(Tensor.of(gaussian(1, 5), 5), Tensor.of(bias, 5), 1e-5f);

    assertArrayEquals(bias, y.data());
  }

  @Test
  void attentionOfSequencesOfOneTokenIsTheValue() {
    Tape tape = new Tape();
    Tensor q = trained(tape, gaussian(1, 12), 3, 4);
    Tensor k = trained(tape, gaussian(2, 12), 3, 4);
    Tensor v = trained(tape, gaussian(3, 12), 3, 4);
    Tensor y = q.causalAttention(k, v, 2, new int[] {0, 1, 2, 3});
    rampSum(y, tape).backward();

    assertArrayEquals(v.data(), y.data());
    assertArrayEquals(new float[12], q.grad());
    assertArrayEquals(new float[12], k.grad());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, v.grad());
  }

  /** Equal keys are attended equally: a token's outcome is the mean of the values so far. */
  @Test
  void attentionToEqualKeysIsARunningMean() {
    Tensor q = Tensor.of(gaussian(1, 5), 5, 1);
    Tensor k = Tensor.of(new float[] {3, 3, 3, 3, 3}, 5, 1);
    Tensor v = Tensor.of(new float[] {4, 8, 0, 4, 14}, 5, 1);
    Tensor y = q.causalAttention(k, v, 1, new int[] {0, 5});

    assertArrayEquals(new float[] {4, 6, 4, 4, 6}, y.data(), 1e-6f);
  }

  /** Scores of 10,000: exponentials without their maximum subtracted would be infinite. */
  @Test
  void attentionWithHugeScoresPicksOneValue() {
    Tape tape = new Tape();
    Tensor q = trained(tape, new float[] {100, 100, 100}, 3, 1);
    Tensor k = trained(tape, new float[] {-100, 100, 0}, 3, 1);
    Tensor v = trained(tape, new float[] {1, 2, 3}, 3, 1);
    Tensor y = q.causalAttention(k, v, 1, new int[] {0, 3});
    rampSum(y, tape).backward();

    assertArrayEquals(new float[] {1, 2, 2}, y.data());
    assertArrayEquals(new float[3], q.grad());
    assertArrayEquals(new float[3], k.grad());
    assertArrayEquals(new float[] {1, 5, 0}, v.grad());
  }

  @Test
  void aSequenceIsNotChangedByItsNeighbours() {
    int channels = 6;
    int[] lengths = {3, 70, 1};
    int[] offsets = {0, 3, 73, 74};
    float[] together = gaussian(4, 74 * 3 * channels);
    float[] y = Tensor.of(together, 74, 3 * channels).causalAttention(2, offsets).data();

    for (int s = 0; s < lengths.length; s++) {
      float[] alone = new float[lengths[s] * 3 * channels];
      System.arraycopy(together, offsets[s] * 3 * channels, alone, 0, alone.length);
      float[] expected =
          Tensor.of(alone, lengths[s], 3 * channels)
              .causalAttention(2, new int[] {0, lengths[s]})
              .data();
      float[] actual = new float[lengths[s] * channels];
      System.arraycopy(y, offsets[s] * channels, actual, 0, actual.length);
      assertArrayEquals(expected, actual, "sequence " + s);
    }
  }

  /** What fills up vectors and tiles may be read from the rows of other sequences. */
  @Test
  void notANumberStaysInItsSequence() {
    int channels = 4;
    int[] offsets = {0, 5, 26, 35};
    float[] one = gaussian(6, 21 * 3 * channels);
    float[] all = new float[35 * 3 * channels];
    Arrays.fill(all, Float.NaN);
    System.arraycopy(one, 0, all, 5 * 3 * channels, one.length);
    Tape tape = new Tape();
    Tensor alone = trained(tape, one, 21, 3 * channels);
    Tensor expected = alone.causalAttention(2, new int[] {0, 21});
    rampSum(expected, 1 + 5 * channels, tape).backward();
    Tape other = new Tape();
    Tensor together = trained(other, all, 35, 3 * channels);
    Tensor y = together.causalAttention(2, offsets);
    rampSum(y, other).backward();

    assertArrayEquals(expected.data(), Arrays.copyOfRange(y.data(), 5 * channels, 26 * channels));
    assertArrayEquals(
        alone.grad(), Arrays.copyOfRange(together.grad(), 15 * channels, 78 * channels));
    assertTrue(alone.grad()[2 * channels] != 0);
  }

  @Test
  void attentionOverAThousandTokensEqualsDoublePrecision() {
    int tokens = 1024;
    int channels = 2;
    int[] offsets = {0, tokens};
    float[] q = gaussian(1, tokens * channels);
    float[] k = gaussian(2, tokens * channels);
    float[] v = gaussian(3, tokens * channels);
    Tensor y =
        Tensor.of(q, tokens, channels)
            .causalAttention(
                Tensor.of(k, tokens, channels), Tensor.of(v, tokens, channels), 1, offsets);

    GradientAssert.assertClose(
        "y",
        DoubleOps.causalAttention(
            DoubleOps.widen(q), DoubleOps.widen(k), DoubleOps.widen(v), channels, 1, offsets),
        y.data());
  }

  @Test
  void crossEntropyOfHugeLogitsIsFinite() {
    Tensor right = Tensor.of(new float[] {1e4f, -1e4f, -1e4f}, 1, 3);

    assertEquals(0, right.crossEntropy(new int[] {0}, -1).item());
    assertEquals(2e4f, right.crossEntropy(new int[] {2}, -1).item());
  }

  @Test
  void crossEntropyOfEqualLogitsIsTheLogarithmOfTheClasses() {
    for (float logit : new float[] {0, 1e4f, -1e4f}) {
      float[] equal = {logit, logit, logit, logit};
      float loss = Tensor.of(equal, 1, 4).crossEntropy(new int[] {3}, -1).item();

      // At 10,000 the log-sum-exp is still a double.
      assertEquals(Math.log(4), loss, 1e-6);
    }
  }

  @Test
  void notANumberStaysVisible() {
    Tensor x = Tensor.of(new float[] {1, Float.NaN, 2}, 1, 3);
    Tensor ones = Tensor.of(new float[] {1, 1, 1}, 3);

    assertTrue(Float.isNaN(x.crossEntropy(new int[] {0}, -1).item()));
    assertTrue(Float.isNaN(x.softmax().data()[0]));
    assertTrue(Float.isNaN(x.gelu().data()[1]));
    assertTrue(Float.isNaN(x.layerNorm(ones, ones, 1e-5f).data()[0]));
  }

  @Test
  void nothingComesOfNothing() {
    int[] noTokens = {0};
    Tensor none = Tensor.of(NONE, 0, 3);

    assertEquals(Shape.of(0, 3), none.add(none).shape());
    assertEquals(Shape.of(0, 3), none.gelu().shape());
    assertEquals(Shape.of(0, 3), none.softmax().shape());
    assertEquals(Shape.of(0, 2), none.matmul(Tensor.zeros(3, 2)).shape());
    assertEquals(Shape.of(0, 2), none.linear(Tensor.zeros(2, 3), null).shape());
    assertEquals(Shape.of(0, 3), none.layerNorm(Tensor.zeros(3), Tensor.zeros(3), 1).shape());
    assertEquals(Shape.of(0, 1), none.causalAttention(1, noTokens).shape());
    assertEquals(Shape.of(0, 3), Tensor.zeros(5, 3).gatherRows(new int[0]).shape());
    // A product over no inner index is zero, as NumPy has it.
    assertArrayEquals(new float[4], Tensor.of(NONE, 2, 0).matmul(Tensor.of(NONE, 0, 2)).data());
  }
}
