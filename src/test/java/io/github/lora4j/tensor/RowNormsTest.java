package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowNormsTest {

  /** Relative: the cross term is a float32 product, of at most the size of the squares here. */
  private static final double TOLERANCE = 2e-6;

  private static Tensor random(long key, int... dims) {
    Tensor tensor = Tensor.zeros(dims);
    CounterRandom.fillUniform(key, 1, tensor.data());
    return tensor;
  }

  @ParameterizedTest
  @CsvSource({"1,1,1,true", "5,7,2,true", "40,33,4,true", "40,33,4,false", "96,64,17,true"})
  void equalTheNormsOfTheSum(int out, int in, int rank, boolean frozen) {
    Tensor weight = random(1, out, in).requireGrad(!frozen);
    Tensor a = random(2, in, rank);
    Tensor b = random(3, rank, out);
    float factor = 0.75f;
    float[] norms = RowNorms.of(weight).with(a, b, factor);
    float[] elements = weight.toArray();
    for (int j = 0; j < out; j++) {
      double square = 0;
      for (int i = 0; i < in; i++) {
        double element = elements[j * in + i];
        for (int r = 0; r < rank; r++) {
          element += factor * (double) a.data()[i * rank + r] * b.data()[r * out + j];
        }
        square += element * element;
      }
      assertEquals(Math.sqrt(square), norms[j], TOLERANCE * Math.sqrt(square));
    }
  }

  @Test
  void needAMatrix() {
    assertThrows(ShapeMismatchException.class, () -> RowNorms.of(Tensor.zeros(3)));
  }
}
