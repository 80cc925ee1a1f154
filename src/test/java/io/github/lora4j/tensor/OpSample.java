package io.github.lora4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * One call of an operation: what {@link OpGradientTest} checks of each line of {@link OpSamples}.
 *
 * <p>The function that is differentiated is the sum of the outcome's elements, each with a fixed
 * random weight of its own, so that no error in one element can hide behind another.
 */
final class OpSample {

  /** The operation under test. */
  @FunctionalInterface
  interface Op {
    Tensor apply(Tensor[] operands, Tape tape);
  }

  /** The same in double precision. */
  @FunctionalInterface
  interface Reference {
    double[] apply(double[][] operands);
  }

  /** The elements of operands. */
  @FunctionalInterface
  interface Values {
    float at(int operand, int index);
  }

  /**
   * What a run leaves behind.
   *
   * @param values the outcome's elements
   * @param gradients of the operands, null where there is none
   * @param operands the operands' elements after the run
   * @param recorded how many operations were recorded
   */
  record Outcome(float[] values, float[][] gradients, float[][] operands, int recorded) {}

  private final String signature;
  private final String name;
  private final int activations;
  private final Shape[] shapes;
  private final Op op;
  private final Reference reference;
  private final Values values;
  private double[][] expectedGradients;

  /**
   * A sample with normal random numbers.
   *
   * @param signature the method of Tensor with its parameter types
   * @param name what is particular about this sample
   * @param activations how many of the operands, from the first, are on the tape
   */
  OpSample(
      String signature, String name, int activations, Shape[] shapes, Op op, Reference reference) {
    this(
        signature,
        name,
        activations,
        shapes,
        op,
        reference,
        (operand, index) ->
            (float) CounterRandom.gaussian(CounterRandom.key(17, shapes.length, operand), index));
  }

  private OpSample(
      String signature,
      String name,
      int activations,
      Shape[] shapes,
      Op op,
      Reference reference,
      Values values) {
    this.signature = signature;
    this.name = name;
    this.activations = activations;
    this.shapes = shapes;
    this.op = op;
    this.reference = reference;
    this.values = values;
  }

  /** The same sample with other numbers. */
  OpSample with(Values others) {
    return new OpSample(signature, name, activations, shapes, op, reference, others);
  }

  String signature() {
    return signature;
  }

  Shape[] shapes() {
    return shapes;
  }

  /** The subsets of the operands, as bits, the empty one included. */
  int subsets() {
    return 1 << shapes.length;
  }

  float[] values(int operand) {
    float[] data = new float[shapes[operand].numel()];
    for (int i = 0; i < data.length; i++) {
      data[i] = values.at(operand, i);
    }
    return data;
  }

  /** The weight of an element of the outcome, away from zero. */
  private static float weight(int index) {
    float uniform = 2 * CounterRandom.uniform(CounterRandom.key(5), index) - 1;
    return uniform + Math.copySign(0.5f, uniform);
  }

  private static float[] weights(int length) {
    float[] weights = new float[length];
    for (int i = 0; i < length; i++) {
      weights[i] = weight(i);
    }
    return weights;
  }

  Outcome run(int trained) {
    return run(trained, -1);
  }

  /**
   * Runs the operation forward and backward.
   *
   * @param trained the operands that require a gradient, as bits
   * @param leftOut an element of the outcome whose gradient is taken for zero, or -1
   */
  Outcome run(int trained, int leftOut) {
    Tape tape = new Tape(OpSamples.SEED, OpSamples.EPOCH, OpSamples.STEP);
    Tensor[] operands = new Tensor[shapes.length];
    for (int i = 0; i < operands.length; i++) {
      Tensor leaf = Tensor.of(values(i), shapes[i].toArray());
      operands[i] = i < activations ? leaf.on(tape) : leaf;
      operands[i].requireGrad((trained >> i & 1) == 1);
    }
    Tensor y = op.apply(operands, tape);
    float[] outcome = y.data().clone();
    int recorded = tape.size();
    if (y.requiresGrad()) {
      float[] weights = weights(outcome.length);
      if (leftOut >= 0) {
        weights[leftOut] = 0;
      }
      weightedSum(y, weights, tape).backward();
    }
    float[][] gradients = new float[operands.length][];
    float[][] elements = new float[operands.length][];
    for (int i = 0; i < operands.length; i++) {
      gradients[i] = operands[i].grad();
      elements[i] = operands[i].data();
    }
    return new Outcome(outcome, gradients, elements, recorded);
  }

  /** A scalar whose gradient by {@code y} is exactly the weights; its own value is not needed. */
  private static Tensor weightedSum(Tensor y, float[] weights, Tape tape) {
    Tensor sum = Tensor.outcome(Shape.of(), new float[1], tape, true);
    Gradient dY = y.neededGradient();
    tape.record(sum, dOut -> dY.add(weights));
    return sum;
  }

  /** The outcome in double precision. */
  double[] expectedValues() {
    return reference.apply(wideOperands());
  }

  /** The gradients of all operands in double precision. */
  double[][] expectedGradients() {
    if (expectedGradients == null) {
      List<double[]> gradients = new ArrayList<>();
      for (int i = 0; i < shapes.length; i++) {
        int operand = i;
        double[][] operands = wideOperands();
        gradients.add(
            GradientAssert.centralDifferences(
                operands[operand],
                shifted -> {
                  operands[operand] = shifted;
                  return weightedSum(reference.apply(operands));
                }));
      }
      expectedGradients = gradients.toArray(new double[0][]);
    }
    return expectedGradients;
  }

  private double[][] wideOperands() {
    double[][] operands = new double[shapes.length][];
    for (int i = 0; i < operands.length; i++) {
      operands[i] = DoubleOps.widen(values(i));
    }
    return operands;
  }

  private static double weightedSum(double[] y) {
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += weight(i) * y[i];
    }
    return sum;
  }

  @Override
  public String toString() {
    return signature + ", " + name;
  }
}
