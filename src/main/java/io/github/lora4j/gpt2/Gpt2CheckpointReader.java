package io.github.lora4j.gpt2;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.safetensors.TensorSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fits the tensors of a published file to a configuration and has them read.
 *
 * <p>Names may begin with {@code transformer.}. The causal masks that older files hold are ignored.
 * An {@code lm_head.weight} must equal the token embeddings, to which GPT-2 ties it: a model whose
 * output weights differ would otherwise compute something else here without a word. The head of a
 * classifier may be there and is not read, see {@link SavedHead}.
 */
final class Gpt2CheckpointReader {

  private static final Logger log = LoggerFactory.getLogger(Gpt2CheckpointReader.class);

  /** What names in files of a model with a head begin with. */
  static final String PREFIX = "transformer.";

  private static final String TIED_HEAD = "lm_head.weight";
  private static final Pattern MASK = Pattern.compile("h\\.\\d+\\.attn\\.(bias|masked_bias)");
  private static final int NAMED_FAULTS = 10;

  private final String folder;
  private final TensorSource source;
  private final List<PublishedTensor> expected;
  private final LoadOptions options;

  /** The name in the file of each tensor, by its name without the prefix. */
  private final Map<String, String> names = new LinkedHashMap<>();

  private Gpt2CheckpointReader(
      String folder, TensorSource source, Gpt2Config config, LoadOptions options) {
    this.folder = folder;
    this.source = source;
    this.expected = PublishedTensor.of(config);
    this.options = options;
  }

  /**
   * Reads the weights of a base.
   *
   * @param folder the model's folder, for messages
   * @param source its tensors
   * @param config its sizes
   * @param options what to accept
   * @return all weights, frozen
   * @throws MismatchException if the tensors are not those of the configuration
   */
  static Gpt2Weights read(
      String folder, TensorSource source, Gpt2Config config, LoadOptions options)
      throws IOException {
    Gpt2CheckpointReader reader = new Gpt2CheckpointReader(folder, source, config, options);
    reader.resolveNames();
    reader.requireAllPresent();
    reader.requireShapes();
    reader.handleUnexpected();
    WeightReader weightReader = new WeightReader(source, reader.names, options);
    Gpt2Weights weights = weightReader.read(reader.expected);
    reader.requireTiedHead(weightReader);
    return weights;
  }

  private void resolveNames() throws MismatchException {
    List<String> ambiguous = new ArrayList<>();
    for (String name : source.names()) {
      String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
      String other = names.putIfAbsent(plain, name);
      if (other != null) {
        ambiguous.add(other + " and " + name);
      }
    }
    refuse(
        "MX-12",
        ambiguous,
        "each tensor once, with or without the prefix '" + PREFIX + "', expected",
        "twice",
        "remove one of the two models");
  }

  private void requireAllPresent() throws MismatchException {
    List<String> missing =
        expected.stream().map(PublishedTensor::path).filter(p -> !names.containsKey(p)).toList();
    refuse(
        "MX-09",
        missing,
        "the " + expected.size() + " tensors that config.json calls for expected",
        "none",
        "an incomplete file, or the config.json of another model");
  }

  private void requireShapes() throws MismatchException {
    List<String> transposed = new ArrayList<>();
    List<String> different = new ArrayList<>();
    for (PublishedTensor tensor : expected) {
      List<Long> shape = info(nameInFile(tensor)).shape();
      List<Long> fileShape = tensor.fileShape();
      if (!shape.equals(fileShape)) {
        boolean turned = shape.size() == 2 && tensor.conv1d() && isReverse(shape, fileShape);
        (turned ? transposed : different)
            .add("%s: expected %s, got %s".formatted(tensor.path(), fileShape, shape));
      }
    }
    refuse(
        "MX-10",
        transposed,
        "Conv1D weights (in, out) as in the published files expected",
        "transposed",
        "the file holds Linear weights (out, in); transpose them");
    refuse(
        "MX-08",
        different,
        "shapes as config.json has them expected",
        "different",
        "the config.json of another model?");
  }

  private static boolean isReverse(List<Long> shape, List<Long> other) {
    return shape.get(0).equals(other.get(1)) && shape.get(1).equals(other.get(0));
  }

  private void handleUnexpected() throws MismatchException {
    Set<String> known = new HashSet<>();
    expected.forEach(tensor -> known.add(tensor.path()));
    known.add(TIED_HEAD);
    List<String> unexpected =
        names.keySet().stream()
            .filter(name -> !known.contains(name) && !MASK.matcher(name).matches())
            .map(names::get)
            .filter(name -> !name.equals(SavedHead.WEIGHT))
            .toList();
    if (options.strict()) {
      refuse(
          "MX-13",
          unexpected,
          "tensors of GPT-2 alone expected",
          "others",
          "load without 'strict' to ignore them");
    } else if (!unexpected.isEmpty()) {
      log.warn(
          "{}: {} tensors that GPT-2 does not have are ignored: {} [MX-13]",
          Excerpt.of(folder),
          unexpected.size(),
          listed(unexpected));
    }
  }

  private String nameInFile(PublishedTensor tensor) {
    return Objects.requireNonNull(names.get(tensor.path()), tensor.path());
  }

  private TensorInfo info(String name) {
    return Objects.requireNonNull(source.tensors().get(name), name);
  }

  private void requireTiedHead(WeightReader reader) throws IOException {
    String head = names.get(TIED_HEAD);
    if (head == null) {
      return;
    }
    String embeddings = Objects.requireNonNull(names.get("wte.weight"));
    if (info(head).elements() != info(embeddings).elements()
        || !reader.areEqual(head, embeddings)) {
      throw new MismatchException(
          "MX-11",
          folder,
          "tensor " + head,
          "model: output weights equal to wte.weight expected, got others"
              + " (GPT-2 ties them; models with an lm_head of their own are not supported)");
    }
  }

  private void refuse(
      String code, List<String> faults, String expectation, String found, String remedy)
      throws MismatchException {
    if (!faults.isEmpty()) {
      throw new MismatchException(
          code,
          folder,
          "",
          "model: %s, got %s: %s (%s)".formatted(expectation, found, listed(faults), remedy));
    }
  }

  /** The first faults and how many there are. */
  private static String listed(List<String> faults) {
    StringBuilder text = new StringBuilder();
    for (String fault : faults.subList(0, Math.min(NAMED_FAULTS, faults.size()))) {
      text.append(text.isEmpty() ? "" : "; ").append(Excerpt.of(fault));
    }
    return faults.size() > NAMED_FAULTS
        ? text + "; ... " + faults.size() + " in all"
        : text.toString();
  }
}
