package io.github.lora4j.lora;

import io.github.lora4j.error.MismatchException;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Slot;
import java.io.IOException;
import java.nio.file.Path;

/**
 * An adapter that has been read: an immutable value that can be put on any number of models, from
 * any number of threads. Models of one base share its weights, so a view of the base with an
 * adapter costs the memory of the adapter alone:
 *
 * <pre>{@code
 * Gpt2 base = Gpt2.load(folder);
 * Adapter french = Adapter.read(Path.of("adapters/french"));
 * Gpt2LanguageModel view = french.on(base.languageModel());
 * }</pre>
 *
 * <p>A view is frozen: any number of threads may call its forward at once, and each answer is that
 * of a single thread, bit for bit. No adapter is the base itself. See {@link AdapterPool} for
 * batches whose rows use different adapters.
 */
public final class Adapter {

  /** Brings a model to the state that files describe. */
  @FunctionalInterface
  interface Content {
    void putInto(Module model) throws IOException;
  }

  private final AdapterMetadata metadata;
  private final Content content;

  Adapter(AdapterMetadata metadata, Content content) {
    this.metadata = metadata;
    this.content = content;
  }

  /**
   * Reads an adapter.
   *
   * @param folder what {@link AdapterFile#save} wrote, or an adapter of Hugging Face PEFT
   * @return the adapter
   * @throws IOException as {@link AdapterFile#load(Module, Path)}
   */
  public static Adapter read(Path folder) throws IOException {
    return read(folder, Strictness.NORMAL);
  }

  /**
   * Reads an adapter.
   *
   * @param folder as for {@link #read(Path)}
   * @param strictness what is accepted of PEFT's files, also when the adapter is put on a model
   * @return the adapter
   * @throws IOException as {@link AdapterFile#load(Module, Path, Strictness)}
   */
  public static Adapter read(Path folder, Strictness strictness) throws IOException {
    return AdapterFile.read(folder, strictness);
  }

  /**
   * What was saved with it.
   *
   * @return task, labels, facts
   */
  public AdapterMetadata metadata() {
    return metadata;
  }

  /**
   * Puts the adapter into a model to go on training, as {@link AdapterFile#load(Module, Path)}
   * does.
   *
   * @param model a model of the structure that the adapter is for; modified
   * @throws MismatchException as {@link AdapterFile#load(Module, Path)}
   * @throws IOException as {@link AdapterFile#load(Module, Path)}
   */
  public void putInto(Module model) throws IOException {
    content.putInto(model);
  }

  /**
   * Makes a view: puts the adapter into a model and freezes it.
   *
   * @param <M> the kind of model
   * @param model a new module tree over the base's parameters; modified
   * @return the same model
   * @throws MismatchException as {@link AdapterFile#load(Module, Path)}
   * @throws IOException as {@link AdapterFile#load(Module, Path)}
   */
  public <M extends Module> M on(M model) throws IOException {
    return on(model, 1);
  }

  /**
   * Makes a view in which the branches act more or less: their factor is multiplied. What is
   * trained in full, such as a head, stays as it is.
   *
   * @param <M> the kind of model
   * @param model a new module tree over the base's parameters; modified
   * @param strength finite, at least 0: at 0 the branches do nothing, 1 is as trained
   * @return the same model
   * @throws MismatchException as {@link AdapterFile#load(Module, Path)}
   * @throws IllegalArgumentException if the strength is not 1 and the adapter has magnitudes
   *     (DoRA): those have no strength
   * @throws IOException as {@link AdapterFile#load(Module, Path)}
   */
  public <M extends Module> M on(M model, float strength) throws IOException {
    if (!(strength >= 0 && strength < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "adapter: a finite strength of at least 0 expected, got " + strength);
    }
    content.putInto(model);
    if (strength != 1) {
      for (Slot slot : Lora.slots(model.namedModules()).values()) {
        if (slot.layer() instanceof LinearWithLoRA adapted) {
          slot.set(adapted.withStrength(strength));
        }
      }
    }
    model.freeze();
    return model;
  }
}
