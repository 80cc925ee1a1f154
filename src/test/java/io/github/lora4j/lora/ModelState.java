package io.github.lora4j.lora;

import io.github.lora4j.nn.Module;
import java.nio.IntBuffer;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a model is at a moment: its tree, the bits of all its parameters, and which are trained.
 *
 * @param tree the modules with their settings
 * @param bits by the parameter's path
 * @param trained paths of parameters
 */
record ModelState(String tree, Map<String, IntBuffer> bits, Set<String> trained) {

  static ModelState of(Module model) {
    Map<String, IntBuffer> bits = new TreeMap<>();
    model
        .namedParameters()
        .forEach(
            (path, parameter) -> {
              float[] values = parameter.tensor().toArray();
              int[] raw = new int[values.length];
              for (int i = 0; i < raw.length; i++) {
                raw[i] = Float.floatToRawIntBits(values[i]);
              }
              bits.put(path, IntBuffer.wrap(raw));
            });
    return new ModelState(model.toString(), bits, model.trainedParameters().keySet());
  }
}
