package io.github.lora4j.lora;

import io.github.lora4j.tensor.Tensor;

/** Matrices turned between the orientation of a file and that of a layer. */
final class Transposed {

  private Transposed() {}

  /**
   * A copy with rows and columns exchanged.
   *
   * @param matrix {@code (m, n)}
   * @return {@code (n, m)}
   */
  static Tensor of(Tensor matrix) {
    int rows = matrix.shape().dim(0);
    int columns = matrix.shape().dim(1);
    float[] elements = matrix.data();
    Tensor turned = Tensor.zeros(columns, rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        turned.data()[j * rows + i] = elements[i * columns + j];
      }
    }
    return turned;
  }
}
