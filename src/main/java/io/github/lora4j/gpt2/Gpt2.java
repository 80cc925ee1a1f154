package io.github.lora4j.gpt2;

import io.github.lora4j.nn.LayerNorm;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Origin;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.DType;
import io.github.lora4j.tensor.CounterRandom;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The weights of a GPT-2, from which models are built. Models built from one base share its parameters: what one
 * of them freezes, trains or changes is so in all.
 *
 * <p>Parameters are kept under the names of the published files, without the {@code transformer.} prefix, and with
 * linear weights as {@code (out, in)}. With {@link QkvLayout#SPLIT} the rows of {@code c_attn} are three
 * parameters, {@code h.0.attn.c_attn[0:768].weight} and so on.
 */
public final class Gpt2 {

  private final Gpt2Config config;
  private final QkvLayout layout;
  private final Map<String, Parameter> parameters;

  Gpt2(Gpt2Config config, QkvLayout layout, Map<String, Parameter> parameters) {
    this.config = config;
    this.layout = layout;
    this.parameters = parameters;
  }

  /**
   * Loads a base in the layout it is published in, its weights frozen.
   *
   * @param folder a model folder in the Hugging Face layout: {@code config.json} and {@code model.safetensors} or
   *     shards with their index, in F32, F16 or BF16
   * @return the base
   * @throws IOException if a file is missing, cannot be read, breaks its format or does not fit the others
   * @throws io.github.lora4j.error.NonFiniteException if a weight is NaN or infinite
   */
  public static Gpt2 load(Path folder) throws IOException {
    return load(folder, QkvLayout.FUSED);
  }

  /**
   * Loads a base, its weights frozen.
   *
   * @param folder a model folder in the Hugging Face layout: {@code config.json} and {@code model.safetensors} or
   *     shards with their index, in F32, F16 or BF16
   * @param layout whether query, key and value are projected by one Linear or by three
   * @return the base
   * @throws IOException if a file is missing, cannot be read, breaks its format or does not fit the others
   * @throws io.github.lora4j.error.NonFiniteException if a weight is NaN or infinite
   */
  public static Gpt2 load(Path folder, QkvLayout layout) throws IOException {
    Gpt2Config config = Gpt2ConfigFile.read(folder);
    return new Gpt2(config, layout, CheckpointReader.read(folder, config, layout));
  }

  /**
   * A base with random weights, all trained, to be pretrained: normal with deviation 0.02, those of the
   * projections into the residual stream with {@code 0.02 / sqrt(2 nLayer)}, biases 0, norms 1 (Radford et al.
   * 2019).
   *
   * @param config the sizes
   * @param layout whether query, key and value are projected by one Linear or by three
   * @param seed decides the weights
   * @return the base
   */
  public static Gpt2 initialize(Gpt2Config config, QkvLayout layout, long seed) {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    for (PublishedTensor tensor : PublishedTensor.of(config)) {
      float[] values = new float[tensor.elements()];
      if (tensor.isNormWeight()) {
        Arrays.fill(values, 1);
      } else if (!tensor.isBias()) {
        double deviation = 0.02 / (tensor.isResidualProjection() ? Math.sqrt(2.0 * config.nLayer()) : 1);
        long key = CounterRandom.key(seed, CounterRandom.place(tensor.name()));
        CounterRandom.fillGaussian(key, (float) deviation, values);
      }
      tensor.asParameters(values, layout).forEach(parameters::put);
    }
    parameters.values().forEach(parameter -> parameter.setTrained(true));
    return new Gpt2(config, layout, parameters);
  }

  /**
   * The sizes.
   *
   * @return the configuration
   */
  public Gpt2Config config() {
    return config;
  }

  /**
   * How query, key and value are projected.
   *
   * @return the layout
   */
  public QkvLayout layout() {
    return layout;
  }

  /**
   * A language model over these weights.
   *
   * @return a new module tree
   */
  public Gpt2LanguageModel languageModel() {
    return new Gpt2LanguageModel(this);
  }

  /**
   * A classifier over these weights, with a new head.
   *
   * @param head the kind of the head
   * @param seed decides the head's weight
   * @param labels the names of the classes, at least two
   * @return a new module tree
   */
  public Gpt2Classifier classifier(ClassifierHead head, long seed, List<String> labels) {
    if (labels.size() < 2) {
      throw new IllegalArgumentException(
          "classifier: at least two classes expected, got " + labels);
    }
    return new Gpt2Classifier(this, head, labels, seed);
  }

  /**
   * Writes the weights and the configuration as a model folder in the published layout.
   *
   * @param folder made if it is not there
   * @param dtype {@code F32}, or {@code F16} to halve the size
   * @throws IOException if it cannot be written
   */
  public void save(Path folder, DType dtype) throws IOException {
    CheckpointWriter.write(this, folder, dtype);
  }

  Parameter parameter(String name) {
    Parameter parameter = parameters.get(name);
    if (parameter == null) {
      throw new AssertionError("no parameter " + name);
    }
    return parameter;
  }

  Linear linear(String name) {
    Parameter weight = parameter(name + ".weight");
    return new Linear(
        weight, parameter(name + ".bias"), new Origin(name, 0, weight.shape().dim(0)));
  }

  /** Some rows of a published Linear, held as a parameter of their own. */
  Linear linear(String name, int firstRow, int rows) {
    String part = PublishedTensor.part(name, firstRow, rows);
    return new Linear(
        parameter(part + ".weight"), parameter(part + ".bias"), new Origin(name, firstRow, rows));
  }

  LayerNorm layerNorm(String name) {
    return new LayerNorm(
        parameter(name + ".weight"), parameter(name + ".bias"), config.layerNormEpsilon());
  }

  /** The elements of a published tensor, in memory's orientation; rows of a split one joined again. */
  float[] values(PublishedTensor tensor) {
    if (layout == QkvLayout.FUSED || !tensor.isQueryKeyValue()) {
      return parameter(tensor.name()).data();
    }
    float[] joined = new float[tensor.elements()];
    int third = joined.length / 3;
    for (int i = 0; i < 3; i++) {
      System.arraycopy(
          parameter(tensor.partName(i)).data(), 0, joined, i * third, third);
    }
    return joined;
  }
}
