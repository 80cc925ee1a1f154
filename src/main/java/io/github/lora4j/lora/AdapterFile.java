package io.github.lora4j.lora;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.SafetensorsWriter;
import io.github.lora4j.safetensors.StagedFiles;
import io.github.lora4j.safetensors.TensorSource;
import io.github.lora4j.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder that holds what was trained.
 *
 * <pre>
 * adapter_config.json         for Hugging Face PEFT
 * adapter_model.safetensors
 * lora4j.json                 for this library: what the other pair cannot say
 * lora4j.safetensors
 * </pre>
 *
 * <p>PEFT's pair names modules as the published model does and carries the branches and a head
 * without bias. Ours names them as the model in memory does and carries every branch, whatever else
 * is trained and whatever is in no published file, such as a frozen random head: what is loaded
 * from it equals what was saved, bit for bit. PEFT's pair is left out where no module of a
 * published model is adapted.
 *
 * <p>Ours also holds the hashes of the base's tensors beside which there are branches, and a probe:
 * token ids and the logits that the adapted model answered with. Loading compares both.
 *
 * <p>All files are written before the first is replaced, and ours holds the hashes of all: a
 * mixture of two adapters is never loaded.
 */
public final class AdapterFile {

  private static final Logger logger = LoggerFactory.getLogger(AdapterFile.class);

  static final String PEFT_CONFIG = "adapter_config.json";
  static final String PEFT_TENSORS = "adapter_model.safetensors";
  static final String PEFT_PICKLE = "adapter_model.bin";
  static final String MANIFEST = "lora4j.json";
  static final String TENSORS = "lora4j.safetensors";

  private AdapterFile() {}

  /**
   * Saves the adapter of a model. The same adapter gives the same bytes. A log line names what
   * PEFT's pair cannot carry, such as padding that is read as text.
   *
   * @param model the root of a tree with branches; not modified
   * @param metadata what else is needed to use the adapter
   * @param folder where to; made if there is none, an adapter in it is replaced
   * @throws IllegalArgumentException if nothing in the model is adapted, trained or unpublished
   * @throws NonFiniteException if a number to be saved is NaN or infinite
   * @throws IOException if it cannot be written; an adapter that was there is still there then
   */
  public static void save(Module model, AdapterMetadata metadata, Path folder) throws IOException {
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
    PeftAdapter peft = PeftAdapter.of(model, metadata);
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder);
    }
    write(folder, tensors, AdapterManifest.of(model, metadata), peft);
    if (peft != null && !peft.leftOut().isEmpty()) {
      logger.warn("PEFT's files in {} cannot carry {}; {} does", folder, peft.leftOut(), TENSORS);
    }
    if (peft != null && AdapterFacts.isPadded(metadata)) {
      logger.warn(
          "PEFT's files in {} answer differently: the classifier reads a text at the last token of"
              + " its padding, transformers at the last before it (train without padding)",
          folder);
    }
  }

  private static void write(
      Path folder,
      Map<String, Tensor> tensors,
      AdapterManifest manifest,
      @Nullable PeftAdapter peft)
      throws IOException {
    try (StagedFiles files = new StagedFiles(folder)) {
      Map<String, String> hashes = new TreeMap<>();
      if (peft != null) {
        byte[] config = Json.write(peft.config());
        hashes.put(PEFT_CONFIG, write(files, PEFT_CONFIG, out -> out.write(config)));
        hashes.put(PEFT_TENSORS, write(files, PEFT_TENSORS, writer(peft.tensors())::writeTo));
      }
      hashes.put(TENSORS, write(files, TENSORS, writer(tensors)::writeTo));
      byte[] json = manifest.withHashes(hashes).toJson();
      files.write(MANIFEST, out -> out.write(json));
      if (peft == null) {
        Files.deleteIfExists(folder.resolve(PEFT_CONFIG));
        Files.deleteIfExists(folder.resolve(PEFT_TENSORS));
      }
      files.commit();
    }
  }

  /** Writes a file and returns the hash of its bytes. */
  private static String write(StagedFiles files, String name, StagedFiles.Content content)
      throws IOException {
    MessageDigest digest = sha256();
    files.write(name, out -> content.writeTo(new DigestOutputStream(out, digest)));
    return HexFormat.of().formatHex(digest.digest());
  }

  /**
   * Loads an adapter into a model: puts branches where they were, with their values, and restores
   * what else was saved. Of what was saved, the branches and what was trained are trained
   * afterwards; the rest of the model is as it was. A model that has these branches already gets
   * their values, and no further branch.
   *
   * @param model a model of the same structure as the one that was saved, with or without branches;
   *     modified
   * @param folder what {@link #save} wrote, or an adapter of Hugging Face PEFT for a model of the
   *     published layout, fused or split
   * @return what was saved with it
   * @throws MismatchException if adapter and model do not fit together; it lists all that does not,
   *     and the model is as it was
   * @throws UnsupportedFeatureException if the folder holds an adapter of another kind
   * @throws NonFiniteException if a number in it is NaN or infinite
   * @throws IOException if a file is missing or damaged
   */
  public static AdapterMetadata load(Module model, Path folder) throws IOException {
    Adapter adapter = read(folder);
    adapter.putInto(model);
    return adapter.metadata();
  }

  static Adapter read(Path folder) throws IOException {
    if (isOfPeft(folder)) {
      PeftConfig config = PeftConfigReader.read(folder.resolve(PEFT_CONFIG));
      PeftTensors peft = PeftTensors.read(folder);
      return new Adapter(
          PeftMetadata.of(config, peft),
          model -> {
            synchronized (config) { // which counts the steps of its expressions
              new PeftRestoration(model, config, peft).apply();
            }
          });
    }
    AdapterManifest manifest = manifest(folder);
    checkHashes(manifest, folder);
    Map<String, float[]> values = new LinkedHashMap<>();
    SafetensorsFile tensors = SafetensorsFile.open(folder.resolve(TENSORS));
    for (String name : tensors.tensors().keySet()) {
      float[] elements = tensors.readFloats(name);
      FiniteNumbers.check("load", name, elements, FiniteNumbers.OF_A_FILE);
      values.put(name, elements);
    }
    String file = folder.resolve(TENSORS).toString();
    BaseCheck check = new BaseCheck(file, manifest.base(), Probe.of(file, values));
    return new Adapter(
        manifest.metadata(),
        model -> check.putInto(model, any -> restore(any, manifest, tensors, values, file)));
  }

  private static void restore(
      Module model,
      AdapterManifest manifest,
      TensorSource tensors,
      Map<String, float[]> values,
      String file)
      throws MismatchException {
    new Restoration(model, manifest, tensors, file).apply(values);
  }

  /**
   * Reads what was saved with an adapter, to build the model that it is for.
   *
   * @param folder as for {@link #load}
   * @return what was saved with it; what PEFT does not say is as it would be there
   * @throws IOException as {@link #load}
   */
  public static AdapterMetadata metadata(Path folder) throws IOException {
    if (isOfPeft(folder)) {
      return PeftMetadata.of(
          PeftConfigReader.read(folder.resolve(PEFT_CONFIG)), PeftTensors.read(folder));
    }
    return manifest(folder).metadata();
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

  /** Whether a folder holds PEFT's files and not ours. */
  private static boolean isOfPeft(Path folder) {
    return !Files.exists(folder.resolve(MANIFEST))
        && (Files.exists(folder.resolve(PEFT_TENSORS))
            || Files.exists(folder.resolve(PEFT_CONFIG)));
  }

  /** What our own file in a folder says, or what is wrong with the folder. */
  static AdapterManifest manifest(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new NoSuchFileException(folder.toString(), null, "the folder of an adapter expected");
    }
    if (Files.exists(folder.resolve(MANIFEST))) {
      return AdapterManifest.read(folder.resolve(MANIFEST));
    }
    PeftTensors.refusePickle(folder);
    throw new AdapterFormatException(
        "AD-01",
        folder.toString(),
        "",
        "an adapter expected, got a folder without %s and %s".formatted(MANIFEST, PEFT_TENSORS));
  }

  /** A file of PEFT's may be missing, it is for others; what is there must be what was written. */
  static void checkHashes(AdapterManifest manifest, Path folder) throws IOException {
    for (String name : List.of(TENSORS, PEFT_CONFIG, PEFT_TENSORS)) {
      String expected = manifest.hashes().getOrDefault(name, "none");
      Path file = folder.resolve(name);
      String got = Files.exists(file) ? sha256(file) : "none";
      if (!got.equals(expected) && (name.equals(TENSORS) || !got.equals("none"))) {
        throw new AdapterFormatException(
            "AD-21",
            file.toString(),
            "",
            "the file that belongs to %s, with SHA-256 %s, expected, got %s"
                    .formatted(MANIFEST, Excerpt.of(expected), got)
                + " (saving was interrupted, or it was changed since; save the adapter again)");
      }
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest = sha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
