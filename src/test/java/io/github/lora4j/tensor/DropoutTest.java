package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class DropoutTest {

  private static final int LENGTH = 100_000;
  private static final float PROBABILITY = 0.3f;
  private static final long PLACE = CounterRandom.place("h.3.attn.c_attn");

  private static Tensor ones() {
    float[] ones = new float[LENGTH];
    Arrays.fill(ones, 1);
    return Tensor.of(ones, LENGTH);
  }

  private static float[] dropped(long seed, long epoch, long step, long place) {
    return ones().on(new Tape(seed, epoch, step)).dropout(PROBABILITY, place).data();
  }

  private static int kept(float[] y) {
    int kept = 0;
    for (float element : y) {
      kept += element != 0 ? 1 : 0;
    }
    return kept;
  }

  @Test
  void withoutATapeItIsTheIdentity() {
    Tensor x = ones();

    assertSame(x, x.dropout(PROBABILITY, PLACE));
  }

  @Test
  void atProbabilityZeroItIsTheIdentity() {
    Tensor x = ones().on(new Tape());

    assertSame(x, x.dropout(0, PLACE));
  }

  @Test
  void onATapeItDropsEvenIfNothingIsTrained() {
    Tape tape = new Tape();
    Tensor y = ones().on(tape).dropout(PROBABILITY, PLACE);

    assertEquals(0, tape.size());
    assertFalse(kept(y.data()) == LENGTH);
  }

  @Test
  void theSameMomentAndPlaceDropTheSame() {
    assertArrayEquals(dropped(1, 2, 3, PLACE), dropped(1, 2, 3, PLACE));
  }

  /**
   * Two masks that know nothing of each other keep an element both with probability (1 - p)^2 =
   * 0.49: 49,000 of 100,000, with a standard deviation of sqrt(100,000 * 0.49 * 0.51) = 158. Five
   * of those are allowed.
   */
  @Test
  void anotherSeedEpochStepOrPlaceDropsIndependently() {
    float[] y = dropped(1, 2, 3, PLACE);
    float[][] others = {
      dropped(2, 2, 3, PLACE),
      dropped(1, 3, 3, PLACE),
      dropped(1, 2, 4, PLACE),
      dropped(1, 2, 3, PLACE + 1),
      dropped(2, 1, 3, PLACE),
    };

    for (float[] other : others) {
      int both = 0;
      for (int i = 0; i < LENGTH; i++) {
        both += y[i] != 0 && other[i] != 0 ? 1 : 0;
      }
      assertEquals(49_000, both, 5 * 158);
    }
  }

  /**
   * The number of kept elements is binomial: 70,000 with a deviation of sqrt(100,000 * 0.21) = 145.
   */
  @Test
  void itKeepsTheExpectation() {
    float[] y = dropped(5, 0, 0, PLACE);
    double sum = 0;
    for (float element : y) {
      sum += element;
    }

    assertEquals(70_000, kept(y), 5 * 145);
    assertEquals(1, sum / LENGTH, 5 * 145 / 70_000.0);
  }

  @Test
  void whatIsKeptIsScaledByTheProbabilityToKeep() {
    for (float element : dropped(5, 0, 0, PLACE)) {
      assertEquals(element == 0 ? 0 : 1 / 0.7f, element, 1e-6f);
    }
  }

  /**
   * With ones for input and for gradient of the outcome, outcome and gradient are both the mask.
   */
  @Test
  void backwardDropsWhatForwardDropped() {
    Tape tape = new Tape(1, 2, 3);
    Tensor x = ones().on(tape).requireGrad(true);
    Tensor y = x.dropout(PROBABILITY, PLACE);
    float[] mask = y.data().clone();
    Tensor sum = Tensor.outcome(Shape.of(), new float[1], tape, true);
    Gradient dY = y.neededGradient();
    tape.record(sum, dOut -> dY.add(ones().data()));
    sum.backward();

    assertArrayEquals(mask, x.grad());
  }
}
