package io.github.lora4j.nn;

import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A table with one row of channels for each id: {@code y_i = weight_{ids[i]}}. Weight: {@code (V,
 * C)}.
 */
public final class Embedding extends Module {

  private final Parameter weight; // (V, C)

  /**
   * A table with given values.
   *
   * @param weight {@code (V, C)}
   * @throws ShapeMismatchException if the weight is no matrix
   */
  public Embedding(Parameter weight) {
    if (weight.shape().rank() != 2) {
      throw new ShapeMismatchException(
          "Embedding: a weight (V, C) expected, got " + weight.shape());
    }
    this.weight = parameter("weight", weight);
  }

  /**
   * Looks up rows.
   *
   * @param ids numbers of rows, {@code (N)}
   * @param tape the tape of the activations to come, or null for inference
   * @return {@code (N, C)}
   * @throws IllegalArgumentException if an id is no row of the table
   */
  public Tensor forward(int[] ids, @Nullable Tape tape) {
    return weight.tensor().embedding(ids, tape);
  }

  /**
   * The table.
   *
   * @return {@code (V, C)}
   */
  public Parameter weight() {
    return weight;
  }

  @Override
  protected String settings() {
    return weight.shape().dim(0) + ", " + weight.shape().dim(1);
  }
}
