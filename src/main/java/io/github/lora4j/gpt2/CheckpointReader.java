package io.github.lora4j.gpt2;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.safetensors.SafetensorsFolder;
import io.github.lora4j.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the weights of a published model folder; checks all names and shapes before it reads any of them. */
final class CheckpointReader {

  private static final Logger log = LoggerFactory.getLogger(CheckpointReader.class);

  private static final String PREFIX = "transformer.";
  private static final int NAMES_IN_MESSAGE = 10;

  /** The causal mask, stored with some published files as if it were a weight. */
  private static final Pattern MASK = Pattern.compile("h\\.\\d+\\.attn\\.(bias|masked_bias)");

  private CheckpointReader() {}

  static Map<String, Parameter> read(Path folder, Gpt2Config config, QkvLayout layout)
      throws IOException {
    SafetensorsFolder files = SafetensorsFolder.open(folder);
    Map<String, String> fileNames = withoutPrefix(folder, files);
    List<PublishedTensor> wanted = PublishedTensor.of(config);
    check(folder, files, fileNames, wanted);
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    for (PublishedTensor tensor : wanted) {
      float[] values = files.readFiniteFloats(fileName(fileNames, tensor));
      tensor.asParameters(tensor.fromFile(values), layout).forEach(parameters::put);
    }
    return parameters;
  }

  private static String fileName(Map<String, String> fileNames, PublishedTensor tensor) {
    String fileName = fileNames.get(tensor.name());
    if (fileName == null) {
      throw new AssertionError("unchecked tensor " + tensor.name());
    }
    return fileName;
  }

  /** The names in the files by their names without prefix. */
  private static Map<String, String> withoutPrefix(Path folder, SafetensorsFolder files)
      throws MismatchException {
    Map<String, String> fileNames = new LinkedHashMap<>();
    for (String name : files.names()) {
      String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
      String twin = fileNames.put(plain, name);
      if (twin != null) {
        throw new MismatchException(
            "MX-12",
            folder.toString(),
            plain,
            "names with or without the prefix '%s' expected, got both %s and %s"
                .formatted(PREFIX, Excerpt.of(twin), Excerpt.of(name)));
      }
    }
    return fileNames;
  }

  private static void check(
      Path folder,
      SafetensorsFolder files,
      Map<String, String> fileNames,
      List<PublishedTensor> wanted)
      throws MismatchException {
    Set<String> unexpected = new LinkedHashSet<>(fileNames.keySet());
    List<String> missing = new ArrayList<>();
    List<String> shapes = new ArrayList<>();
    boolean vocabulary = false;
    for (PublishedTensor tensor : wanted) {
      unexpected.remove(tensor.name());
      String fileName = fileNames.get(tensor.name());
      TensorInfo info = fileName == null ? null : files.tensors().get(fileName);
      if (info == null) {
        missing.add(tensor.name());
      } else if (!info.shape().equals(tensor.shape())) {
        boolean turned = tensor.isConv1d() && isReversed(info.shape(), tensor.shape());
        vocabulary |= tensor.name().equals("wte.weight");
        shapes.add(
            "%s: %s expected, got %s%s"
                .formatted(
                    tensor.name(),
                    tensor.shape(),
                    info.shape(),
                    turned ? " (transposed: (in, out) expected, as published)" : ""));
      }
    }
    if (!missing.isEmpty()) {
      throw new MismatchException(
          "MX-09",
          folder.toString(),
          "",
          "the tensors of config.json expected, missing: " + first(missing));
    }
    if (!shapes.isEmpty()) {
      throw new MismatchException(
          vocabulary ? "MX-08" : "MX-10",
          folder.toString(),
          "",
          "the shapes of config.json expected; " + first(shapes));
    }
    unexpected.removeIf(name -> MASK.matcher(name).matches() || name.equals("lm_head.weight"));
    if (!unexpected.isEmpty()) {
      log.warn("{} tensors of {} are not used: {}", unexpected.size(), folder, first(unexpected));
    }
  }

  private static boolean isReversed(List<Long> found, List<Long> wanted) {
    return found.size() == 2
        && found.get(0).equals(wanted.get(1))
        && found.get(1).equals(wanted.get(0));
  }

  private static String first(Collection<String> names) {
    String listed =
        String.join(", ", names.stream().limit(NAMES_IN_MESSAGE).map(Excerpt::of).toList());
    int more = names.size() - NAMES_IN_MESSAGE;
    return more > 0 ? listed + " and " + more + " more" : listed;
  }
}
