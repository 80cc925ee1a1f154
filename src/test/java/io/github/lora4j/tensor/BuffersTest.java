package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BuffersTest {

  private static final int TOKENS = 40;
  private static final int CHANNELS = 48;
  private static final int LENGTH = TOKENS * CHANNELS;
  private static final int RANK = 30;
  private static final int CLASSES = 50;

  /** Every operation once, each outcome large enough to be lent. */
  private static final class Network {
    private final Tensor table = trained(1, 100, CHANNELS);
    private final Tensor frozen = random(2, CHANNELS, CHANNELS);
    private final Tensor weight = trained(3, 3 * CHANNELS, CHANNELS);
    private final Tensor bias = trained(4, 3 * CHANNELS);
    private final Tensor gain = trained(5, CHANNELS);
    private final Tensor shift = trained(6, CHANNELS);
    private final Tensor down = trained(7, CHANNELS, RANK);
    private final Tensor up = trained(8, RANK, CHANNELS);
    private final Tensor head = trained(9, CLASSES, CHANNELS);

    /** One after the other, these hand the memory of their outcomes to each other's gradients. */
    private Tensor adapted(Tensor x) {
      return x.linear(frozen, null, null, new LowRankBranch(x, down, up, 0.5f));
    }

    private int tokens = TOKENS;

    Network tokens(int count) {
      tokens = count;
      return this;
    }

    Tensor loss(Tape tape) {
      int[] ids = new int[tokens];
      Arrays.setAll(ids, i -> i * 7 % 100);
      Tensor x = table.embedding(ids, tape).scale(0.5f);
      Tensor normalized = x.layerNorm(gain, shift, 1e-5f).dropout(0.1f, 1);
      Tensor attended =
          normalized.linear(weight, bias).causalAttention(3, new int[] {0, 13, tokens});
      Tensor sum = x.add(adapted(adapted(adapted(attended))));
      Tensor gated = sum.gelu().multiply(sum.softmax()).add(sum);
      int[] rows = new int[tokens];
      Arrays.setAll(rows, i -> tokens - 1 - i);
      Tensor logits = gated.gatherRows(rows).linear(head, null);
      int[] targets = new int[tokens];
      Arrays.setAll(targets, i -> i % 5 == 0 ? -1 : i % CLASSES);
      return logits.crossEntropy(targets, -1);
    }

    List<float[]> gradients(Tape tape) {
      Tensor loss = loss(tape);
      loss.backward();
      List<float[]> gradients = new ArrayList<>();
      gradients.add(new float[] {loss.item()});
      for (Tensor leaf : List.of(table, weight, bias, gain, shift, down, up, head)) {
        gradients.add(leaf.grad().clone());
        leaf.zeroGrad();
      }
      return gradients;
    }
  }

  private static Tensor random(long key, int... dims) {
    Tensor tensor = Tensor.zeros(dims);
    CounterRandom.fillGaussian(key, 0.3f, tensor.data());
    return tensor;
  }

  private static Tensor trained(long key, int... dims) {
    return random(key, dims).requireGrad(true);
  }

  @Test
  void staleMemoryChangesNoBit() {
    Network network = new Network();
    List<float[]> fresh = network.gradients(new Tape(1, 0, 0));
    Buffers buffers = new Buffers();
    network.gradients(new Tape(buffers, 1, 0, 0));
    poison(buffers);
    List<float[]> recycled = network.gradients(new Tape(buffers, 1, 0, 0));

    for (int i = 0; i < fresh.size(); i++) {
      assertNotNull(fresh.get(i));
      assertTrue(anyNonZero(fresh.get(i)));
      assertArrayEquals(fresh.get(i), recycled.get(i), "gradient " + i);
    }
  }

  /** Leaves an infinity or no number in every element that is there to be lent again. */
  private static void poison(Buffers buffers) {
    List<float[]> arrays = buffers.all();
    for (int i = 0; i < arrays.size(); i++) {
      Arrays.fill(arrays.get(i), i % 2 == 0 ? Float.NaN : Float.POSITIVE_INFINITY);
    }
  }

  private static boolean anyNonZero(float[] values) {
    for (float value : values) {
      if (value != 0) {
        return true;
      }
    }
    return false;
  }

  @Test
  void gradientsOfParametersOutliveTheStep() {
    Network network = new Network();
    Buffers buffers = new Buffers();
    network.loss(new Tape(buffers, 1, 0, 0)).backward();
    float[] gradient = network.weight.grad();
    float[] copy = gradient.clone();
    buffers.nextStep();
    poison(buffers);
    network.loss(new Tape(buffers, 1, 0, 1));

    assertSame(gradient, network.weight.grad());
    assertArrayEquals(copy, gradient);
  }

  @Test
  void gradientsOfParametersAreGatheredInTheSameArrayAgain() {
    Network network = new Network();
    Buffers buffers = new Buffers();
    network.loss(new Tape(buffers, 1, 0, 0)).backward();
    float[] gradient = network.weight.grad();
    float[] copy = gradient.clone();
    network.weight.zeroGrad();
    network.loss(new Tape(buffers, 1, 0, 0)).backward();

    assertSame(gradient, network.weight.grad());
    assertArrayEquals(copy, gradient);
  }

  /** The elements are computed again, in memory that may be another array. */
  @Test
  void forgettingChangesNoBit() {
    float[] kept = gradientOfGelu(new Tape(), false);
    assertTrue(anyNonZero(kept));
    assertArrayEquals(kept, gradientOfGelu(new Tape(), true));
    assertArrayEquals(kept, gradientOfGelu(new Tape(new Buffers(), 0, 0, 0), true));
  }

  private static float[] gradientOfGelu(Tape tape, boolean forget) {
    Tensor weight = trained(11, CHANNELS, CHANNELS);
    Tensor x = random(12, TOKENS, CHANNELS).on(tape);
    Tensor activated = x.matmul(weight).gelu();
    Tensor squares = activated.multiply(activated);
    if (forget) {
      float[] before = activated.data();
      activated.forget();
      float[] other = Tape.array(tape, LENGTH); // may be the memory that was let go
      Arrays.fill(other, Float.NaN);
      assertNotSame(before, activated.data());
      activated.forget();
    }
    squares.matmul(random(13, CHANNELS, 2)).crossEntropy(new int[TOKENS], -1).backward();
    return weight.grad();
  }

  @Test
  void anArrayIsLentToOneAtATime() {
    Buffers buffers = new Buffers();
    float[] first = buffers.take(LENGTH);
    assertNotSame(first, buffers.take(LENGTH));
    buffers.release(first);
    buffers.release(first);
    assertSame(first, buffers.take(LENGTH));
    assertNotSame(first, buffers.take(LENGTH));
  }

  @Test
  void aStrangersArrayIsNotTaken() {
    Buffers buffers = new Buffers();
    float[] foreign = new float[LENGTH];
    buffers.release(foreign);
    assertNotSame(foreign, buffers.take(LENGTH));
  }

  @Test
  void aShorterStepGetsTheArraysOfTheSamePurpose() {
    Buffers buffers = new Buffers();
    float[] single = buffers.take(4 * LENGTH);
    float[] triple = buffers.take(12 * LENGTH);
    buffers.nextStep();
    assertSame(single, buffers.take(LENGTH));
    assertSame(triple, buffers.take(3 * LENGTH));
    assertEquals(2, buffers.size());
  }

  @Test
  void anArrayThatHasBecomeTooShortIsReplaced() {
    Buffers buffers = new Buffers();
    buffers.take(LENGTH);
    buffers.nextStep();
    assertEquals(2 * LENGTH, buffers.take(2 * LENGTH).length);
    assertEquals(1, buffers.size());
  }

  /** Such as rows of sequences, whose number does not follow that of the tokens. */
  @Test
  void shortArraysAreKeptByPowersOfTwo() {
    Buffers buffers = new Buffers();
    buffers.take(100 * LENGTH);
    float[] rows = buffers.take(1100);
    assertEquals(2048, rows.length);
    buffers.nextStep();
    buffers.take(90 * LENGTH);
    assertSame(rows, buffers.take(1900));
  }

  @Test
  void kindsThatAStepDidNotAskForAreLetGo() {
    Buffers buffers = new Buffers();
    buffers.take(LENGTH);
    float[] once = buffers.take(5 * LENGTH);
    buffers.nextStep();
    buffers.take(LENGTH);
    buffers.nextStep();
    buffers.take(LENGTH);
    assertNotSame(once, buffers.take(5 * LENGTH));
    assertEquals(2, buffers.size());
  }

  /** The default loader's batches differ in their number of tokens. */
  @Test
  void shorterStepsUseTheArraysOfTheLongest() {
    Network network = new Network();
    List<List<float[]>> fresh = new ArrayList<>();
    for (int tokens : new int[] {TOKENS, 25, 33}) {
      fresh.add(network.tokens(tokens).gradients(new Tape(1, 0, 0)));
    }
    Buffers buffers = new Buffers();
    network.tokens(TOKENS).gradients(new Tape(buffers, 1, 0, 0));
    int made = buffers.size();
    int at = 0;
    for (int tokens : new int[] {TOKENS, 25, 33}) {
      poison(buffers);
      List<float[]> recycled = network.tokens(tokens).gradients(new Tape(buffers, 1, 0, 0));
      for (int i = 0; i < recycled.size(); i++) {
        assertArrayEquals(fresh.get(at).get(i), recycled.get(i), tokens + " tokens, " + i);
      }
      at++;
    }
    assertTrue(made > 0);
  }

  @Test
  void theStepsOfARunMakeNoFurtherArrays() {
    Network network = new Network();
    Buffers buffers = new Buffers();
    network.gradients(new Tape(buffers, 1, 0, 0));
    int made = buffers.size();
    for (int step = 1; step < 4; step++) {
      network.gradients(new Tape(buffers, 1, 0, step));
    }
    assertTrue(made > 0);
    assertEquals(made, buffers.size());
  }
}
