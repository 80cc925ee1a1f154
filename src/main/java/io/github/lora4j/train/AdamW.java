package io.github.lora4j.train;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.AdamWStep;
import io.github.lora4j.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), {@code p -= lr (mhat / (sqrt(vhat)
 * + eps) + decay p)} with both moments corrected for their bias; the arithmetic of {@code
 * torch.optim.AdamW}. Moments are float32.
 */
public final class AdamW {

  /** The decay of the first moment. */
  public static final float BETA_1 = 0.9f;

  /** The decay of the second moment. */
  public static final float BETA_2 = 0.999f;

  /** What is added to the denominator. */
  public static final float EPS = 1e-8f;

  private record Slot(Parameter parameter, float[] firstMoment, float[] secondMoment) {}

  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final LearningRate learningRate;
  private final float weightDecay;
  private long steps;

  /**
   * An optimizer with a constant rate.
   *
   * @param parameters what it changes, by name
   * @param learningRate the rate, above 0
   * @param weightDecay the decay, at least 0; a parameter shrinks by {@code rate * decay} of itself
   *     in a step
   */
  public AdamW(Map<String, Parameter> parameters, float learningRate, float weightDecay) {
    this(parameters, LearningRate.constant(learningRate), weightDecay);
  }

  /**
   * An optimizer whose rate depends on the step.
   *
   * @param parameters what it changes, by name
   * @param learningRate the rate of each step
   * @param weightDecay the decay, at least 0; a parameter shrinks by {@code rate * decay} of itself
   *     in a step
   */
  public AdamW(Map<String, Parameter> parameters, LearningRate learningRate, float weightDecay) {
    if (parameters.isEmpty()) {
      throw new IllegalArgumentException(
          "AdamW: a trained parameter expected, got none (is every parameter frozen?)");
    }
    if (!(weightDecay >= 0 && weightDecay < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "AdamW: a weight decay of at least 0 expected, got " + weightDecay);
    }
    parameters.forEach(
        (name, parameter) -> {
          int numel = parameter.shape().numel();
          slots.put(name, new Slot(parameter, new float[numel], new float[numel]));
        });
    this.learningRate = learningRate;
    this.weightDecay = weightDecay;
  }

  /**
   * Changes every parameter that has a gradient.
   *
   * @param gradientScale what gradients are multiplied by before use, 1 unless they are clipped
   */
  public void step(float gradientScale) {
    AdamWStep step =
        new AdamWStep(learningRate.at(steps), BETA_1, BETA_2, EPS, weightDecay, steps + 1);
    for (Slot slot : slots.values()) {
      float[] gradient = slot.parameter().grad();
      if (gradient != null) {
        ActiveKernels.get()
            .adamW(
                slot.parameter().data(),
                gradient,
                gradientScale,
                slot.firstMoment(),
                slot.secondMoment(),
                step);
      }
    }
    steps++;
  }

  /** Forgets the gradients of all parameters. */
  public void zeroGrad() {
    slots.values().forEach(slot -> slot.parameter().zeroGrad());
  }

  /**
   * The length of all gradients taken as one vector, {@code sqrt(sum g^2)}, added up in double
   * precision.
   *
   * @return the global norm; 0 if there are no gradients, not finite if one of them is not
   */
  public double gradientNorm() {
    double sum = 0;
    for (Slot slot : slots.values()) {
      float[] gradient = slot.parameter().grad();
      if (gradient != null) {
        for (float g : gradient) {
          sum += (double) g * g;
        }
      }
    }
    return Math.sqrt(sum);
  }

  /**
   * How many steps were taken.
   *
   * @return the number of calls of {@link #step}
   */
  public long steps() {
    return steps;
  }

  /**
   * The rate that the next step will use.
   *
   * @return the learning rate
   */
  public float learningRate() {
    return learningRate.at(steps);
  }
}
