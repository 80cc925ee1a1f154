package io.github.lora4j.tensor;

import java.util.ArrayList;
import java.util.List;

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
     * @param dOut the gradient of the outcome; owned by this call, nobody else uses it any more
     */
    void accept(float[] dOut);
  }

  private record Node(Gradient outcome, Backward backward) {}

  private final List<Node> nodes = new ArrayList<>();
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
    this.randomKey = CounterRandom.key(seed, epoch, step);
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

  void record(Tensor outcome, Backward backward) {
    if (used) {
      throw new IllegalStateException(
          "tape: a new tape for each forward pass expected, got one that was run backwards");
    }
    nodes.add(new Node(outcome.neededGradient(), backward));
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
    }
  }
}
