package io.github.lora4j.safetensors;

import io.github.lora4j.error.NonFiniteException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Named tensors that can be read one by one: a file, or a folder of shards. Safe for many threads
 * at once.
 */
public interface TensorSource {

  /**
   * What the headers say about each tensor.
   *
   * @return by name, in the order of the files and of the data in them; unmodifiable
   */
  Map<String, TensorInfo> tensors();

  /**
   * Reads the elements of an F32, F16 or BF16 tensor, each exactly as it stands.
   *
   * @param name its name
   * @return the elements, row-major
   * @throws IllegalArgumentException if there is no such tensor
   * @throws io.github.lora4j.error.UnsupportedFeatureException if its type is another, or it has
   *     more elements than a Java array
   * @throws IOException if the file cannot be read or has changed since it was opened
   */
  float[] readFloats(String name) throws IOException;

  /**
   * Reads as {@link #readFloats(String)} does, into a part of an array.
   *
   * @param name its name
   * @param target receives the elements, row-major; the rest of it is not modified
   * @param offset where the first element goes
   * @throws IllegalArgumentException if there is no such tensor or its elements do not fit into the
   *     target
   * @throws io.github.lora4j.error.UnsupportedFeatureException if its type is not F32, F16 or BF16
   * @throws IOException if the file cannot be read or has changed since it was opened
   */
  void readFloats(String name, float[] target, int offset) throws IOException;

  /**
   * Reads some elements as {@link #readFloats(String)} does, also of a tensor that has more than a
   * Java array.
   *
   * @param name its name
   * @param from the index of the first element, row-major
   * @param count how many to read
   * @param target receives the elements; the rest of it is not modified
   * @param offset where the first element goes
   * @throws IllegalArgumentException if there is no such tensor, it does not have these elements,
   *     or they do not fit into the target
   * @throws io.github.lora4j.error.UnsupportedFeatureException if its type is not F32, F16 or BF16
   * @throws IOException if the file cannot be read or has changed since it was opened
   */
  void readFloats(String name, long from, int count, float[] target, int offset) throws IOException;

  /**
   * Reads the elements of an I32 or I64 tensor.
   *
   * @param name its name
   * @return the elements, row-major
   * @throws IllegalArgumentException if there is no such tensor
   * @throws io.github.lora4j.error.UnsupportedFeatureException if its type is another, it has more
   *     elements than a Java array, or one does not fit an {@code int}
   * @throws IOException if the file cannot be read or has changed since it was opened
   */
  int[] readInts(String name) throws IOException;

  /**
   * Where a tensor stands, for messages.
   *
   * @param name its name
   * @return the path of its file
   */
  String path(String name);

  /**
   * What was ignored in the headers, for the caller to log.
   *
   * @return one sentence for each file that holds more than the format says, empty for ordinary
   *     files
   */
  List<String> warnings();

  /**
   * The names of all tensors.
   *
   * @return the names, in the order of the files
   */
  default Set<String> names() {
    return tensors().keySet();
  }

  /**
   * Reads a tensor as {@link #readFloats(String)} does and refuses NaN and infinity.
   *
   * @param name its name
   * @return the elements, all finite
   * @throws NonFiniteException if an element is not finite; names the first one and how many there
   *     are
   * @throws IOException as {@link #readFloats(String)}
   */
  default float[] readFiniteFloats(String name) throws IOException {
    float[] values = readFloats(name);
    if (!Finite.all(values, 0, values.length)) {
      throw Finite.failure(this, name);
    }
    return values;
  }

  /**
   * Reads some elements as {@link #readFloats(String, long, int, float[], int)} does and refuses
   * NaN and infinity among them.
   *
   * @param name its name
   * @param from the index of the first element, row-major
   * @param count how many to read
   * @param target receives the elements
   * @param offset where the first element goes
   * @throws NonFiniteException if an element that was read is not finite; names the first one of
   *     the whole tensor and how many there are in it
   * @throws IOException as {@link #readFloats(String, long, int, float[], int)}
   */
  default void readFiniteFloats(String name, long from, int count, float[] target, int offset)
      throws IOException {
    readFloats(name, from, count, target, offset);
    if (!Finite.all(target, offset, count)) {
      throw Finite.failure(this, name);
    }
  }
}
