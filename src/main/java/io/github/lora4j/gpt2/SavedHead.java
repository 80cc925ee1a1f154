package io.github.lora4j.gpt2;

import com.fasterxml.jackson.core.JsonToken;
import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.gpt2.ConfigJson.Value;
import io.github.lora4j.nn.Layer;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.safetensors.TensorSource;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The head of a classifier's folder: {@code score.weight}, {@code (classes, C)}, and the labels of
 * its {@code config.json}.
 *
 * @param score the layer, frozen and without bias
 * @param labels the names of its outputs, at least two different ones
 */
record SavedHead(Linear score, List<String> labels) {

  /** The name of the weight, which has no prefix. */
  static final String WEIGHT = "score.weight";

  private static final String BIAS = "score.bias";
  private static final String ID2LABEL = "id2label";
  private static final String NUM_LABELS = "num_labels";

  /** What transformers takes when a file says nothing. */
  private static final int DEFAULT_CLASSES = 2;

  private static final int MAX_CLASSES = 1 << 20;

  /**
   * Reads a head.
   *
   * @param folder the model's folder
   * @param channels C
   * @param source its tensors
   * @param options whether numbers may be non-finite
   * @throws ModelConfigFormatException if the labels are malformed
   * @throws UnsupportedFeatureException if there is but one
   * @throws MismatchException if the weight is missing or does not fit labels and channels, or
   *     there is a bias
   */
  static SavedHead read(Path folder, int channels, TensorSource source, LoadOptions options)
      throws IOException {
    List<String> labels = labels(ConfigJson.read(folder.resolve(Gpt2Config.FILE_NAME)));
    requireFits(folder, source, labels.size(), channels);
    float[] values =
        options.acceptNonFinite() ? source.readFloats(WEIGHT) : source.readFiniteFloats(WEIGHT);
    Tensor weight = Tensor.of(values, labels.size(), channels);
    return new SavedHead(new Linear(Parameter.frozen(weight), null, null), labels);
  }

  /**
   * The weight of a head that such a folder can hold.
   *
   * @param score the layer of a classifier
   * @return its weight, {@code (classes, C)}
   * @throws IllegalArgumentException if it is adapted, or its bias is not zero
   */
  static Tensor weight(Layer score) {
    if (!(score instanceof Linear linear)) {
      throw new IllegalArgumentException(
          "save: plain Linear layers expected, got something else at score (merge the adapter first)");
    }
    Parameter bias = linear.bias();
    for (int i = 0; bias != null && i < bias.data().length; i++) {
      if (bias.data()[i] != 0) {
        throw new IllegalArgumentException(
            "save: a head without bias expected, since transformers has none, got %s as bias of class %d (train a head of the kind %s, or save an adapter)"
                .formatted(bias.data()[i], i, ClassifierHead.FULL));
      }
    }
    return linear.weight().tensor();
  }

  private static void requireFits(Path folder, TensorSource source, int classes, int channels)
      throws MismatchException {
    TensorInfo info = source.tensors().get(WEIGHT);
    if (info == null) {
      throw new MismatchException(
          "MX-09",
          folder.toString(),
          "tensor " + WEIGHT,
          "model: the head of a classifier expected, got none"
              + " (of a language model, Gpt2.load(folder).classifier(...) makes one with a new head)");
    }
    if (source.tensors().containsKey(BIAS)) {
      throw new MismatchException(
          "MX-13",
          folder.toString(),
          "tensor " + BIAS,
          "model: a head without bias, as transformers has it, expected, got one with a bias");
    }
    List<Long> shape = List.of((long) classes, (long) channels);
    if (!info.shape().equals(shape)) {
      throw new MismatchException(
          "MX-08",
          folder.toString(),
          "tensor " + WEIGHT,
          "model: the shape %s for the %d labels and %d channels of config.json expected, got %s (the config.json of another model?)"
              .formatted(shape, classes, channels, info.shape()));
    }
  }

  /** The labels by their class, called as transformers calls them if the file does not say. */
  private static List<String> labels(ConfigJson config) throws IOException {
    Value names = config.get(ID2LABEL);
    List<String> labels = names == null ? unnamed(config) : named(config, names);
    if (labels.size() < 2) {
      throw new UnsupportedFeatureException(
          "MX-17",
          config.path(),
          "/" + (names == null ? NUM_LABELS : ID2LABEL),
          "config: at least two labels expected, got %d (regression is not supported)"
              .formatted(labels.size()));
    }
    return labels;
  }

  private static List<String> unnamed(ConfigJson config) throws IOException {
    Value number = config.get(NUM_LABELS);
    int classes = DEFAULT_CLASSES;
    if (number != null) {
      boolean isSmall = number.token() == JsonToken.VALUE_NUMBER_INT && number.text().length() < 9;
      classes = isSmall ? Integer.parseInt(number.text()) : -1;
      if (classes < 0 || classes > MAX_CLASSES) {
        throw malformed(
            config, NUM_LABELS, "a whole number from 0 to " + MAX_CLASSES, number.text());
      }
    }
    return IntStream.range(0, classes).mapToObj(Gpt2Classifier::unnamed).toList();
  }

  private static List<String> named(ConfigJson config, Value names) throws IOException {
    Map<String, Value> members = names.members();
    if (names.token() != JsonToken.START_OBJECT) {
      throw malformed(config, ID2LABEL, "an object of class numbers and labels", names.text());
    }
    String[] labels = new String[members.size()];
    Set<String> different = new HashSet<>();
    for (int i = 0; i < labels.length; i++) {
      Value label = members.get(Integer.toString(i));
      if (label == null) {
        throw malformed(
            config,
            ID2LABEL,
            "the classes 0 to " + (labels.length - 1),
            "no class %d, but %s".formatted(i, String.join(", ", members.keySet())));
      }
      if (label.token() != JsonToken.VALUE_STRING || !different.add(label.text())) {
        throw malformed(config, ID2LABEL + "/" + i, "a text that no other class has", label.text());
      }
      labels[i] = label.text();
    }
    return List.of(labels);
  }

  private static ModelConfigFormatException malformed(
      ConfigJson config, String place, String expected, String got) {
    return new ModelConfigFormatException(
        "MX-17",
        config.path(),
        "/" + place,
        "config: %s expected, got %s".formatted(expected, Excerpt.of(got)));
  }
}
