package io.github.lora4j.train;

import io.github.lora4j.tensor.Sha256;
import io.github.lora4j.tensor.Shape;
import io.github.lora4j.tensor.Tensor;

/**
 * What a tensor holds, in a few bytes.
 *
 * @param sha256 the SHA-256 of its elements as float32, row-major; of a weight that is held in
 *     another format, of its numbers widened
 * @param isFinite whether none is NaN or infinite
 */
record TensorDigest(String sha256, boolean isFinite) {

  /** The elements that are copied out and digested in one go; they stay in the nearest cache. */
  private static final int BLOCK = 1 << 12;

  /** Reads a tensor once, block by block. */
  static TensorDigest of(Tensor tensor) {
    Shape shape = tensor.shape();
    if (shape.rank() < 2) {
      float[] all = tensor.toArray();
      return new TensorDigest(
          new Sha256().add(all, 0, all.length).hex(), isFinite(all, all.length));
    }
    int columns = shape.columns();
    int rows = shape.rows();
    int perBlock = Math.max(1, BLOCK / Math.max(1, columns));
    float[] block = new float[perBlock * columns];
    Sha256 digest = new Sha256();
    boolean isFinite = true;
    for (int first = 0; first < rows; first += perBlock) {
      int count = Math.min(perBlock, rows - first);
      for (int i = 0; i < count; i++) {
        tensor.copyRow(first + i, block, i * columns);
      }
      digest.add(block, 0, count * columns);
      isFinite &= isFinite(block, count * columns);
    }
    return new TensorDigest(digest.hex(), isFinite);
  }

  /** Whether none of the first elements of an array is NaN or infinite. */
  static boolean isFinite(float[] elements, int count) {
    int largest = 0; // of the bits without the sign, which are in the order of the absolute values
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(elements[i]) & Integer.MAX_VALUE);
    }
    return Float.isFinite(Float.intBitsToFloat(largest));
  }
}
