package io.github.lora4j.safetensors;

import io.github.lora4j.error.Excerpt;
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
    int first = -1;
    int count = 0;
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        first = count == 0 ? i : first;
        count++;
      }
    }
    if (count > 0) {
      throw new NonFiniteException(
          "ST-39",
          "tensor " + name,
          Excerpt.of(path(name))
              + ": all numbers must be finite, got "
              + count
              + " of "
              + values.length
              + " that are not, the first, "
              + values[first]
              + ", at index "
              + first
              + " (a damaged file or a diverged run)");
    }
    return values;
  }
}
