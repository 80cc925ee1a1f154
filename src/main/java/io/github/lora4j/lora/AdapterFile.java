package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.error.UnsupportedFeatureException;
import io.github.lora4j.nn.Module;
import io.github.lora4j.safetensors.SafetensorsFile;
import io.github.lora4j.safetensors.StagedFiles;
import io.github.lora4j.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
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
 * <p>All files are written before the first is replaced, and {@code lora4j.json}, which holds the
 * hashes of all others, is replaced first: a mixture of two adapters is never loaded.
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
   * @throws IOException if it cannot be written; an adapter that was there is still there then, and
   *     a folder that was made for it is removed
   */
  public static void save(Module model, AdapterMetadata metadata, Path folder) throws IOException {
    AdapterWriter adapter = AdapterWriter.of(model, metadata);
    boolean isNew = AdapterFolder.create(folder);
    try (StagedFiles files = new StagedFiles(folder)) {
      adapter.stage(files);
      files.commit();
    } catch (IOException | RuntimeException e) {
      if (isNew) {
        AdapterFolder.removeEmpty(folder, e);
      }
      throw e;
    }
    if (!adapter.leftOut().isEmpty()) {
      logger.warn(
          "PEFT's files in {} cannot carry {}; {} does", folder, adapter.leftOut(), TENSORS);
    }
    if (adapter.peft() != null && new AdapterFacts(metadata, folder).isPadded()) {
      logger.warn(
          "PEFT's files in {} answer differently: the classifier reads a text at the last token of"
              + " its padding, transformers at the last before it (train without padding)",
          folder);
    }
  }

  /**
   * Loads an adapter into a model: puts branches where they were, with their values, and restores
   * what else was saved. Of what was saved, the branches and what was trained are trained
   * afterwards; the rest of the model is as it was. A model that has these branches already gets
   * their values, and no further branch; one that has branches elsewhere does not fit.
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
    return load(model, folder, Strictness.NORMAL);
  }

  /**
   * Loads an adapter into a model as {@link #load(Module, Path)} does, more or less strictly.
   *
   * @param model as there; modified
   * @param folder as there
   * @param strictness what is accepted of PEFT's files
   * @return what was saved with it
   * @throws MismatchException as there, but for tensors that are left out
   * @throws UnsupportedFeatureException as there, and if what is not known is refused; names it
   * @throws NonFiniteException as there
   * @throws IOException as there
   */
  public static AdapterMetadata load(Module model, Path folder, Strictness strictness)
      throws IOException {
    Adapter adapter = read(folder, strictness);
    adapter.putInto(model);
    return adapter.metadata();
  }

  static Adapter read(Path folder, Strictness strictness) throws IOException {
    if (AdapterFolder.isOfPeft(folder)) {
      PeftConfig config = PeftConfigReader.read(folder.resolve(PEFT_CONFIG), strictness);
      PeftTensors peft = PeftTensors.read(folder);
      return new Adapter(
          PeftMetadata.of(config, peft),
          model -> {
            synchronized (config) { // which counts the steps of its expressions
              new PeftRestoration(model, config, peft, strictness).apply();
            }
          });
    }
    AdapterManifest manifest = AdapterFolder.manifest(folder);
    AdapterFolder.checkHashes(manifest, folder);
    Map<String, float[]> values = new LinkedHashMap<>();
    Path file = folder.resolve(TENSORS);
    SafetensorsFile tensors = SafetensorsFile.open(file);
    for (String name : tensors.tensors().keySet()) {
      float[] elements = tensors.readFloats(name);
      FiniteNumbers.check("load", name, elements, FiniteNumbers.OF_A_FILE);
      values.put(name, elements);
    }
    BaseCheck check =
        new BaseCheck(file.toString(), manifest.base(), Probe.of(file.toString(), values));
    return new Adapter(
        manifest.metadata(),
        model -> check.putInto(model, any -> restore(any, manifest, tensors, values, file)));
  }

  private static void restore(
      Module model,
      AdapterManifest manifest,
      TensorSource tensors,
      Map<String, float[]> values,
      Path file)
      throws MismatchException {
    new Restoration(model, manifest, tensors, file).apply(values);
  }

  /**
   * Reads what was saved with an adapter, to build the model that it is for.
   *
   * @param folder as for {@link #load(Module, Path)}
   * @return what was saved with it; what PEFT does not say is as it would be there
   * @throws IOException as {@link #load(Module, Path)}
   */
  public static AdapterMetadata metadata(Path folder) throws IOException {
    if (AdapterFolder.isOfPeft(folder)) {
      return PeftMetadata.of(
          PeftConfigReader.read(folder.resolve(PEFT_CONFIG)), PeftTensors.read(folder));
    }
    return AdapterFolder.manifest(folder).metadata();
  }
}
