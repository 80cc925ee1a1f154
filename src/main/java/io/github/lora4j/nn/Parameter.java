package io.github.lora4j.nn;

import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that belongs to the model: trained, or frozen. Two module trees may hold the same
 * parameter; it is then one thing with one gradient.
 */
public final class Parameter {

  private final Tensor tensor;

  private Parameter(Tensor tensor) {
    if (tensor.tape() != null) {
      throw new IllegalArgumentException(
          "parameter: a tensor without a tape expected, got an activation " + tensor.shape());
    }
    this.tensor = tensor;
  }

  /**
   * A parameter that is trained.
   *
   * @param tensor its initial value; becomes the parameter's own
   * @return the parameter
   * @throws IllegalArgumentException if the tensor is on a tape
   */
  public static Parameter trained(Tensor tensor) {
    Parameter parameter = new Parameter(tensor);
    tensor.requireGrad(true);
    return parameter;
  }

  /**
   * A parameter that stays as it is.
   *
   * @param tensor its value; becomes the parameter's own
   * @return the parameter
   * @throws IllegalArgumentException if the tensor is on a tape
   */
  public static Parameter frozen(Tensor tensor) {
    Parameter parameter = new Parameter(tensor);
    tensor.requireGrad(false);
    return parameter;
  }

  /**
   * Makes another parameter that starts with the same value, for a model of its own.
   *
   * @param trained whether training shall change it
   * @return a parameter that shares nothing with this one
   */
  public Parameter copy(boolean trained) {
    Tensor value = Tensor.of(tensor.toArray(), shape().toArray());
    return trained ? trained(value) : frozen(value);
  }

  /**
   * The value.
   *
   * @return the tensor itself
   */
  public Tensor tensor() {
    return tensor;
  }

  /**
   * The shape of the value.
   *
   * @return the sizes of its dimensions
   */
  public Shape shape() {
    return tensor.shape();
  }

  /**
   * The elements of the value.
   *
   * @return the array itself, row-major
   */
  public float[] data() {
    return tensor.data();
  }

  /**
   * The gradient gathered since it was last forgotten.
   *
   * @return the array itself, or null if no backward pass has reached this parameter
   */
  public float @Nullable [] grad() {
    return tensor.grad();
  }

  /** Forgets the gradient. */
  public void zeroGrad() {
    tensor.zeroGrad();
  }

  /**
   * Whether training changes this parameter.
   *
   * @return true if it is trained, false if it is frozen
   */
  public boolean isTrained() {
    return tensor.requiresGrad();
  }

  /**
   * Trains or freezes this parameter from now on, wherever it is used.
   *
   * @param trained whether training shall change it
   */
  public void setTrained(boolean trained) {
    if (trained != isTrained()) {
      tensor.requireGrad(trained);
    }
  }
}
