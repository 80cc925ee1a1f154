package io.github.lora4j.lora;

import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.StagedFiles;
import io.github.lora4j.tensor.Sha256;
import io.github.lora4j.tensor.Tensor;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the files of an adapter will hold, and how one of them vouches for the others.
 *
 * @param tensors our tensors, by name
 * @param manifest what our own file says, without hashes yet
 * @param peft PEFT's pair, or null if it has no word for the adapter
 */
record AdapterWriter(
    Map<String, Tensor> tensors, AdapterManifest manifest, @Nullable PeftAdapter peft) {

  /**
   * Takes from a model what is to be saved.
   *
   * @throws IllegalArgumentException if that is nothing
   * @throws io.github.lora4j.error.NonFiniteException if a number is NaN or infinite
   */
  static AdapterWriter of(Module model, AdapterMetadata metadata) {
    Map<String, Tensor> tensors = SavedParameters.tensors(model);
    tensors.forEach(
        (name, tensor) ->
            FiniteNumbers.check("save", name, tensor.data(), FiniteNumbers.OF_A_MODEL));
    if (tensors.isEmpty()) {
      throw new IllegalArgumentException(
          "save: a model that is adapted or trained expected, got one with nothing to save (see"
              + " Lora.replaceLinearWithLora)");
    }
    if (model instanceof SequenceModel answering) {
      tensors.putAll(Probe.of(answering).tensors());
    }
    return new AdapterWriter(
        tensors, AdapterManifest.of(model, metadata), PeftAdapter.of(model, metadata));
  }

  /** The names of what PEFT's pair cannot carry. */
  List<String> leftOut() {
    return peft == null ? List.of() : peft.leftOut();
  }

  /**
   * Writes the files, to be committed. The one with the hashes comes into place first: a process
   * that dies after that leaves what does not fit to it.
   */
  void stage(StagedFiles files) throws IOException {
    Map<String, String> hashes = new TreeMap<>();
    if (peft == null) {
      files.remove(AdapterFile.PEFT_CONFIG);
      files.remove(AdapterFile.PEFT_TENSORS);
    } else {
      byte[] config = Json.write(peft.config());
      write(files, AdapterFile.PEFT_CONFIG, out -> out.write(config), hashes);
      write(files, AdapterFile.PEFT_TENSORS, writer(peft.tensors())::writeTo, hashes);
    }
    write(files, AdapterFile.TENSORS, writer(tensors)::writeTo, hashes);
    byte[] json = manifest.withHashes(hashes).toJson();
    files.write(AdapterFile.MANIFEST, out -> out.write(json));
    files.moveFirst(AdapterFile.MANIFEST);
  }

  private static SafetensorsWriter writer(Map<String, Tensor> tensors) {
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    tensors.forEach(
        (name, tensor) ->
            writer.floats(
                name,
                tensor.data(),
                IntStream.of(tensor.shape().toArray()).asLongStream().toArray()));
    return writer;
  }

  /** Writes a file and notes the hash of its bytes. */
  private static void write(
      StagedFiles files, String name, StagedFiles.Content content, Map<String, String> hashes)
      throws IOException {
    Sha256 digest = new Sha256();
    files.write(name, out -> content.writeTo(new Hashing(out, digest)));
    hashes.put(name, digest.hex());
  }

  /** Hashes what passes through. */
  private static final class Hashing extends FilterOutputStream {

    private final Sha256 digest;

    Hashing(OutputStream out, Sha256 digest) {
      super(out);
      this.digest = digest;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int count) throws IOException {
      out.write(bytes, offset, count);
      digest.add(bytes, offset, count);
    }
  }
}
