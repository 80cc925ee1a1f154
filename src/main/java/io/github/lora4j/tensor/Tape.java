package io.github.lora4j.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a forward pass leaves behind so that it can be run backwards once. Each training step has a
 * tape of its own, carried by the activations; it is used by one thread.
 *
 * <p>A tape also names the moment of the run, from which random operations such as dropout draw:
 * their numbers are a function of seed, epoch, step and place.
 */
public final class Tape {

  /** The backward pass of one recorded operation. */
  @FunctionalInterface
  interface Backward {
    /**
     * Adds to the gradients of the operands.
     *
     * @param dOut the gradient of the outcome; nobody else uses it, so this call may change it, but
     *     only an operation recorded with {@link #recordPassing} may give it on
     */
    void accept(float[] dOut);
  }

  /**
   * A recorded operation.
   *
   * @param outcome the gradient of its outcome
   * @param values the elements of its outcome, to be given back to the buffers; null without
   * @param passes whether the gradient of the outcome may become that of an operand
   */
  private record Node(
      Gradient outcome, @Nullable Elements values, boolean passes, Backward backward) {}

  private final List<Node> nodes = new ArrayList<>();
  private final @Nullable Buffers buffers;
  private final long randomKey;
  private boolean used;

  /** Creates a tape for a step without a place in a run: seed, epoch and step are 0. */
  public Tape() {
    this(0, 0, 0);
  }

  /**
   * Creates a tape for one step of a run.
   *
   * @param seed the seed of the run
   * @param epoch the epoch, from 0
   * @param step the step of the whole run, from 0
   */
  public Tape(long seed, long epoch, long step) {
    this(null, seed, epoch, step);
  }

  /**
   * Creates a tape for one step of a run that uses the memory of the step before again.
   *
   * @param buffers takes back what it lent to the tape before and lends it to this one; null for
   *     fresh memory
   * @param seed the seed of the run
   * @param epoch the epoch, from 0
   * @param step the step of the whole run, from 0
   */
  public Tape(@Nullable Buffers buffers, long seed, long epoch, long step) {
    this.buffers = buffers;
    this.randomKey = CounterRandom.key(seed, epoch, step);
    if (buffers != null) {
      buffers.nextStep();
    }
  }

  /** An array at least this long for the outcome of an operation; its elements may be anything. */
  static float[] array(@Nullable Tape tape, int length) {
    return tape == null || tape.buffers == null ? new float[length] : tape.buffers.take(length);
  }

  /** An array whose first elements are zeros, for the outcome of an operation. */
  static float[] zeros(@Nullable Tape tape, int length) {
    float[] array = array(tape, length);
    if (tape != null && tape.buffers != null) {
      Arrays.fill(array, 0, length, 0f);
    }
    return array;
  }

  /**
   * Takes back an array that nobody will read any more.
   *
   * @return whether it was lent, so that it may be another's from now on
   */
  static boolean giveBack(@Nullable Tape tape, float[] array) {
    return tape != null && tape.buffers != null && tape.buffers.release(array);
  }

  /** The key that random operations at the given place draw with. */
  long randomKey(long place) {
    return CounterRandom.key(randomKey, place);
  }

  /**
   * How many operations are recorded.
   *
   * @return 0 if nothing that was computed requires a gradient
   */
  public int size() {
    return nodes.size();
  }

  /** Records an operation that does not keep the gradient of its outcome. */
  void record(Tensor outcome, Backward backward) {
    record(outcome, false, backward);
  }

  /** Records an operation that may make the gradient of its outcome that of an operand. */
  void recordPassing(Tensor outcome, Backward backward) {
    record(outcome, true, backward);
  }

  private void record(Tensor outcome, boolean passes, Backward backward) {
    if (used) {
      throw new IllegalStateException(
          "tape: a new tape for each forward pass expected, got one that was run backwards");
    }
    Elements values = buffers == null ? null : outcome.elements();
    nodes.add(new Node(outcome.neededGradient(), values, passes, backward));
  }

  /**
   * Runs backwards from a scalar: adds the gradient of {@code loss} to every parameter that
   * requires one. Activations' gradients and what was kept for them are let go on the way.
   *
   * @param loss a scalar computed with this tape
   * @throws IllegalArgumentException if {@code loss} is not a scalar
   * @throws IllegalStateException if the loss depends on nothing that requires a gradient, or the
   *     tape was used before
   */
  void backward(Tensor loss) {
    if (loss.shape().numel() != 1) {
      throw new IllegalArgumentException("backward: a scalar expected, got " + loss.shape());
    }
    Gradient start = loss.gradient();
    if (used || start == null) {
      throw new IllegalStateException(
          used
              ? "backward: one call for each tape expected, got a second one"
              : "backward: a loss that depends on a trained parameter expected, got one that"
                  + " depends on none (is every parameter frozen?)");
    }
    used = true;
    start.add(new float[] {1});
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.remove(i);
      float[] dOut = node.outcome().take();
      if (dOut != null) {
        node.backward().accept(dOut);
      }
      if (buffers != null) {
        release(buffers, node, dOut);
      }
    }
  }

  /** Every operation that read the outcome has run backwards by now. */
  private static void release(Buffers buffers, Node node, float @Nullable [] dOut) {
    if (node.values() != null) {
      node.values().release();
    }
    if (dOut != null && !node.passes()) {
      buffers.release(dOut);
    }
  }
}
