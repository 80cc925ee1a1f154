package io.github.lora4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.tensor.ShapeMismatchException;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Embedding, LayerNorm, Gelu: values and what their constructors refuse. */
class LayersTest {

  private static Parameter frozen(float[] data, int... dims) {
    return Parameter.frozen(Tensor.of(data, dims));
  }

  @Test
  void anEmbeddingLooksUpRows() {
    Embedding embedding = new Embedding(frozen(new float[] {1, 2, 3, 4, 5, 6}, 3, 2));
    Tensor y = embedding.forward(new int[] {2, 0, 2}, null);

    assertEquals("(3, 2)", y.shape().toString());
    assertArrayEquals(new float[] {5, 6, 1, 2, 5, 6}, y.data());
    assertThrows(IllegalArgumentException.class, () -> embedding.forward(new int[] {3}, null));
  }

  @Test
  void anEmbeddingPutsItsRowsOnTheTape() {
    Embedding embedding = new Embedding(Parameter.trained(Tensor.zeros(3, 2)));
    Tape tape = new Tape();
    Tensor y = embedding.forward(new int[] {2}, tape);

    assertEquals(tape, y.tape());
    assertTrue(y.requiresGrad());
    assertEquals(1, tape.size());
  }

  /** Mean 2.5, variance 1.25; PyTorch 2.13 gives the same in double precision. */
  @Test
  void aLayerNormNormalizesEachRow() {
    LayerNorm norm =
        new LayerNorm(
            frozen(new float[] {1, 2, 1, 1}, 4), frozen(new float[] {0, 0, 0.5f, 0}, 4), 1e-5f);
    Tensor y = norm.forward(Tensor.of(new float[] {1, 2, 3, 4, 20, 10, 30, 40}, 2, 4));

    // (x - mean) / sqrt(variance + eps), and the second row is ten times the first, reordered.
    double first = 1 / Math.sqrt(1.25 + 1e-5);
    double second = 10 / Math.sqrt(125 + 1e-5);
    float[] expected = {
      (float) (-1.5 * first),
      (float) (-0.5 * first * 2),
      (float) (0.5 * first + 0.5),
      (float) (1.5 * first),
      (float) (-0.5 * second),
      (float) (-1.5 * second * 2),
      (float) (0.5 * second + 0.5),
      (float) (1.5 * second)
    };
    assertArrayEquals(expected, y.data(), 1e-6f);
  }

  /** PyTorch's {@code gelu(x, approximate='tanh')} in double precision. */
  @Test
  void geluHasPyTorchsValues() {
    float[] x = {-5, -1, -0.5f, 0, 1, 3, 10};
    float[] expected = {
      -2.2917961972623857e-07f,
      -0.15880800939172324f,
      -0.15428599017485606f,
      0,
      0.8411919906082768f,
      2.996362607918227f,
      10
    };

    assertArrayEquals(expected, new Gelu().forward(Tensor.of(x, 7)).data(), 2e-7f);
  }

  @Test
  void sizesThatDoNotFitAreRefused() {
    assertEquals(
        "Embedding: a weight (V, C) expected, got (3)",
        assertThrows(ShapeMismatchException.class, () -> new Embedding(frozen(new float[3], 3)))
            .getMessage());
    assertEquals(
        "LayerNorm: weight and bias (C) expected, got (3) and (2)",
        assertThrows(
                ShapeMismatchException.class,
                () -> new LayerNorm(frozen(new float[3], 3), frozen(new float[2], 2), 1))
            .getMessage());
    assertThrows(
        ShapeMismatchException.class,
        () -> new LayerNorm(frozen(new float[3], 1, 3), frozen(new float[3], 1, 3), 1));
  }

  @Test
  void anEpsThatIsNotAboveZeroIsRefused() {
    Parameter one = frozen(new float[3], 3);
    for (float eps : new float[] {0, -1e-5f, Float.NaN, Float.POSITIVE_INFINITY}) {
      assertEquals(
          "LayerNorm: a finite eps above 0 expected, got " + eps,
          assertThrows(IllegalArgumentException.class, () -> new LayerNorm(one, one, eps))
              .getMessage());
    }
  }

  @Test
  void layersWithoutParametersHaveNone() {
    assertEquals(0, new Gelu().parameterCount());
    assertEquals(List.of(""), List.copyOf(new Gelu().namedModules().keySet()));
  }
}
