package io.github.lora4j.gpt2;

import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** The parameters of a base by their path in memory, from which module trees are built. */
final class Gpt2Weights {

  private final QkvLayout layout;
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Origin> origins = new LinkedHashMap<>();

  Gpt2Weights(QkvLayout layout) {
    this.layout = layout;
  }

  QkvLayout layout() {
    return layout;
  }

  void add(PublishedTensor.Part part, Tensor tensor, boolean trained) {
    parameters.put(part.path(), trained ? Parameter.trained(tensor) : Parameter.frozen(tensor));
    origins.put(part.path(), part.origin());
  }

  Embedding embedding(String path) {
    return new Embedding(get(path + ".weight"));
  }

  LayerNorm layerNorm(String path, Gpt2Config config) {
    return new LayerNorm(get(path + ".weight"), get(path + ".bias"), config.layerNormEpsilon());
  }

  Linear linear(String path) {
    return new Linear(get(path + ".weight"), get(path + ".bias"), origins.get(path + ".weight"));
  }

  Parameter get(String path) {
    return Objects.requireNonNull(parameters.get(path), path);
  }
}
