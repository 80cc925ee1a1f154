package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.lora.AdapterContents.Kind;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.TensorInfo;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads an adapter of any kind without a model. Every reader checks what it can without one. */
final class AdapterContentsReader {

  private final Path folder;
  private final SortedMap<String, PublishedBranch> branches = new TreeMap<>();
  private final SortedMap<String, Tensor> others = new TreeMap<>();
  private long trainedParameters;

  AdapterContentsReader(Path folder) {
    this.folder = folder;
  }

  /** Reads it by the names that its files have. */
  AdapterContents read() throws IOException {
    return switch (Kind.of(folder)) {
      case LORA4J -> ofOurs();
      case PEFT -> ofPeft();
      case MLX -> ofMlx();
    };
  }

  /** Reads an adapter by the published names of its modules, whatever its kind. */
  AdapterContents readPublished() throws IOException {
    if (Kind.of(folder) != Kind.LORA4J) {
      return read();
    }
    AdapterManifest manifest = AdapterFolder.manifest(folder);
    if (!Files.exists(folder.resolve(AdapterFile.PEFT_TENSORS))) {
      throw new MismatchException(
          "AD-33",
          folder.toString(),
          "",
          "%s beside %s expected, which has the published names, got none (compare adapters of one"
                  .formatted(AdapterFile.PEFT_TENSORS, AdapterFile.MANIFEST)
              + " layout, or save the adapter again)");
    }
    AdapterFolder.checkHashes(manifest, folder);
    return ofPeft();
  }

  private AdapterContents ofOurs() throws IOException {
    AdapterManifest manifest = AdapterFolder.manifest(folder);
    AdapterFolder.checkHashes(manifest, folder);
    SafetensorsFile file = SafetensorsFile.open(folder.resolve(AdapterFile.TENSORS));
    Map<String, Tensor> tensors = new TreeMap<>();
    for (TensorInfo info : file.tensors().values()) {
      float[] elements = file.readFloats(info.name());
      FiniteNumbers.check("load", info.name(), elements, FiniteNumbers.OF_A_FILE);
      int[] dims = info.shape().stream().mapToInt(Math::toIntExact).toArray();
      if (!Probe.isPart(info.name())) {
        tensors.put(info.name(), Tensor.of(elements, dims));
      }
    }
    for (Map.Entry<String, AdapterManifest.Adapted> entry : manifest.modules().entrySet()) {
      String path = entry.getKey();
      AdapterManifest.Adapted adapted = entry.getValue();
      Tensor a = tensors.remove(Lora.join(path, "lora.A"));
      Tensor b = tensors.remove(Lora.join(path, "lora.B"));
      if (a == null
          || b == null
          || a.shape().rank() != 2
          || b.shape().rank() != 2
          || a.shape().dim(1) != adapted.rank()
          || b.shape().dim(0) != adapted.rank()) {
        throw new MismatchException(
            "AD-04",
            folder.toString(),
            path,
            "lora.A (in, %d) and lora.B (%d, out) expected, got %s and %s"
                .formatted(
                    adapted.rank(),
                    adapted.rank(),
                    a == null ? "none" : a.shape(),
                    b == null ? "none" : b.shape()));
      }
      addBranch(
          path,
          new PublishedBranch(
              adapted.rank(),
              adapted.alpha(),
              adapted.scaling(),
              Transposed.of(a),
              Transposed.of(b)));
    }
    tensors.forEach(
        (name, tensor) -> {
          boolean isTrained = name.endsWith(".magnitude") || manifest.trained().contains(name);
          trainedParameters += isTrained ? tensor.data().length : 0;
        });
    others.putAll(tensors);
    return contents(Kind.LORA4J, manifest.metadata(), manifest.hashes());
  }

  private AdapterContents ofPeft() throws IOException {
    PeftConfig config = PeftConfigReader.read(folder.resolve(AdapterFile.PEFT_CONFIG));
    PeftTensors tensors = PeftTensors.read(folder);
    LoraScaling scaling = config.isRsLora() ? LoraScaling.RSLORA : LoraScaling.LORA;
    AdapterFaults faults =
        new AdapterFaults(tensors.file(), config.baseModel(), tensors.modules().keySet());
    for (String name : tensors.notUnderstood()) {
      faults.add("AD-08", name, "not a name that PEFT gives");
    }
    for (Map.Entry<String, PeftTensors.Module> entry : tensors.modules().entrySet()) {
      String name = entry.getKey();
      PeftTensors.Module module = entry.getValue();
      Tensor a = module.loraA();
      Tensor b = module.loraB();
      if (a != null && b != null) {
        int rank = a.shape().dim(0);
        if (rank != config.rank(name)) {
          faults.add(
              "AD-04",
              name + ".lora_A.weight",
              "%d rows expected, the rank that the configuration says, got %d"
                  .formatted(config.rank(name), rank));
        }
        addBranch(name, new PublishedBranch(rank, config.alpha(name), scaling, a, b));
      }
      add(name + ".magnitude", module.magnitude());
      add(name + ".bias", module.bias());
      add(name + ".weight", module.weight());
    }
    faults.throwIfAny();
    return contents(Kind.PEFT, PeftMetadata.of(config, tensors), Map.of());
  }

  private void add(String name, @Nullable Tensor tensor) {
    if (tensor != null) {
      others.put(name, tensor);
      trainedParameters += tensor.data().length;
    }
  }

  private AdapterContents ofMlx() throws IOException {
    MlxAdapter.read(folder).forEach(this::addBranch);
    return contents(Kind.MLX, AdapterMetadata.of(TaskType.CAUSAL_LM), Map.of());
  }

  private void addBranch(String name, PublishedBranch branch) {
    branches.put(name, branch);
    trainedParameters += branch.loraA().data().length + branch.loraB().data().length;
  }

  private AdapterContents contents(
      Kind kind, AdapterMetadata metadata, Map<String, String> hashes) {
    return new AdapterContents(kind, metadata, hashes, branches, others, trainedParameters);
  }
}
