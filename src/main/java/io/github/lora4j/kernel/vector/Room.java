package io.github.lora4j.kernel.vector;

/** An array that grows to the longest length asked for. */
final class Room {

  private float[] elements = new float[0];

  /** The array, at least this long; what it held is lost if it must grow. */
  float[] atLeast(int length) {
    if (elements.length < length) {
      elements = new float[length];
    }
    return elements;
  }
}
