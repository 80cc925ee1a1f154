package io.github.lora4j.safetensors;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The validated header of a file.
 *
 * @param metadata the free text of {@code __metadata__}, in file order
 * @param tensors the tensors by name, in the order of their data
 * @param warnings what was ignored
 */
record Header(
    Map<String, String> metadata, Map<String, TensorInfo> tensors, List<String> warnings) {

  /** The key that holds free text instead of a tensor. */
  static final String METADATA = "__metadata__";

  Header {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    warnings = List.copyOf(warnings);
  }
}
