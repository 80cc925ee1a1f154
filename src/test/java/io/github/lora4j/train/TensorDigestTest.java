package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.kernel.ActiveKernels;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.tensor.CounterRandom;
import io.github.lora4j.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorDigestTest {

  private static String sha256(float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static Tensor random(int... dims) {
    Tensor values = Tensor.zeros(dims);
    CounterRandom.fillGaussian(5, 1, values.data());
    return values;
  }

  @Test
  void hashIsThatOfAllElementsInOrder() {
    // One block and a rest, rows longer than a block, vectors and a scalar.
    for (Tensor tensor :
        List.of(random(100, 77), random(3, 5000), random(2, 3, 4), random(9999), random())) {
      assertEquals(
          new TensorDigest(sha256(tensor.data()), true),
          TensorDigest.of(tensor),
          tensor.shape().toString());
    }
  }

  @ParameterizedTest
  @EnumSource(WeightFormat.class)
  void packedWeightIsHashedByItsNumbers(WeightFormat format) {
    Tensor values = random(70, 33);
    PackedMatrix packed = ActiveKernels.get().allocate(70, 33, format);
    packed.put(0, 0, Matrix.of(values.data(), 70, 33));
    Tensor weight = Tensor.ofPacked(packed);
    assertEquals(sha256(weight.toArray()), TensorDigest.of(weight).sha256());
    assertEquals(
        format == WeightFormat.FLOAT32,
        TensorDigest.of(weight).equals(TensorDigest.of(values)),
        "bfloat16 rounds");
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void oneElementThatIsNotFiniteIsFound(float bad) {
    for (int place : new int[] {0, 4096, 7699}) {
      Tensor matrix = random(100, 77);
      matrix.data()[place] = bad;
      assertFalse(TensorDigest.of(matrix).isFinite(), "at " + place);
      Tensor vector = Tensor.of(matrix.data(), 7700);
      assertFalse(TensorDigest.of(vector).isFinite(), "at " + place);
    }
    float[] largest = {Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, bad};
    assertTrue(TensorDigest.isFinite(largest, 3));
    assertFalse(TensorDigest.isFinite(largest, 4));
  }
}
