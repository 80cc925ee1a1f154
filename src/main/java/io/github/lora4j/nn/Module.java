package io.github.lora4j.nn;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A node of the model: its parameters, and its children under the names that files use. Subclasses
 * declare both in their constructor with {@link #parameter}, {@link #child} and {@link #slot}, each
 * of which returns what it registers:
 *
 * <pre>{@code
 * private final Slot cAttn = slot("c_attn", new Linear(channels, 3 * channels, true, seed));
 * }</pre>
 *
 * <p>With star imports the name is ambiguous with {@code java.lang.Module}; import this class by
 * name.
 */
public abstract class Module {

  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Slot> slots = new LinkedHashMap<>();

  /** Children in order of declaration; a value is a Module or a Slot. */
  private final Map<String, Object> members = new LinkedHashMap<>();

  /** For subclasses. */
  protected Module() {}

  /**
   * Declares a parameter of this module.
   *
   * @param name its name, without dots
   * @param parameter the parameter
   * @return the same parameter
   */
  protected final Parameter parameter(String name, Parameter parameter) {
    checkNew(name);
    parameters.put(name, parameter);
    return parameter;
  }

  /**
   * Declares a child that stays.
   *
   * @param <M> its type
   * @param name its name, without dots
   * @param module the child
   * @return the same child
   */
  protected final <M extends Module> M child(String name, M module) {
    checkNew(name);
    members.put(name, module);
    return module;
  }

  /**
   * Declares a child that may be exchanged.
   *
   * @param name its name, without dots
   * @param layer what is in place at first
   * @return the slot, to be kept in a final field
   */
  protected final Slot slot(String name, Layer layer) {
    checkNew(name);
    Slot slot = new Slot(layer);
    slots.put(name, slot);
    members.put(name, slot);
    return slot;
  }

  private void checkNew(String name) {
    if (name.isEmpty() || name.indexOf('.') >= 0) {
      throw new IllegalArgumentException(
          "module: a name without dots expected, got '" + name + "'");
    }
    if (parameters.containsKey(name) || members.containsKey(name)) {
      throw new IllegalArgumentException("module: a new name expected, got '" + name + "' twice");
    }
  }

  /**
   * The parameters of this module itself.
   *
   * @return by name, in order of declaration; not modifiable
   */
  public final Map<String, Parameter> parameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /**
   * The children that are in place now.
   *
   * @return by name, in order of declaration; a snapshot
   */
  public final Map<String, Module> children() {
    Map<String, Module> children = new LinkedHashMap<>();
    members.forEach(
        (name, member) ->
            children.put(name, member instanceof Slot slot ? slot.layer() : (Module) member));
    return children;
  }

  /**
   * The places of this module itself whose layers may be exchanged.
   *
   * @return by name, in order of declaration; not modifiable
   */
  public final Map<String, Slot> slots() {
    return Collections.unmodifiableMap(slots);
  }

  /**
   * This module and all below it, each before its children.
   *
   * @return by dotted path, the empty path for this module; a snapshot
   */
  public final Map<String, Module> namedModules() {
    Map<String, Module> found = new LinkedHashMap<>();
    collect("", found);
    return found;
  }

  private void collect(String path, Map<String, Module> found) {
    found.put(path, this);
    children().forEach((name, child) -> child.collect(join(path, name), found));
  }

  /**
   * All parameters of the tree.
   *
   * @return by dotted path, such as {@code h.0.attn.c_attn.weight}; a snapshot
   */
  public final Map<String, Parameter> namedParameters() {
    Map<String, Parameter> found = new LinkedHashMap<>();
    namedModules()
        .forEach(
            (path, module) ->
                module.parameters.forEach(
                    (name, parameter) -> found.put(join(path, name), parameter)));
    return found;
  }

  /**
   * All parameters of the tree that are trained, those in two places once.
   *
   * @return by dotted path; a snapshot
   */
  public final Map<String, Parameter> trainedParameters() {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Map<String, Parameter> trained = new LinkedHashMap<>();
    namedParameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.isTrained() && seen.add(parameter)) {
                trained.put(name, parameter);
              }
            });
    return trained;
  }

  private static String join(String path, String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /**
   * Freezes every parameter of the tree.
   *
   * @return this module
   */
  public final Module freeze() {
    namedParameters().values().forEach(parameter -> parameter.setTrained(false));
    return this;
  }

  /**
   * Trains every parameter of the tree.
   *
   * @return this module
   */
  public final Module unfreeze() {
    namedParameters().values().forEach(parameter -> parameter.setTrained(true));
    return this;
  }

  /**
   * How many numbers the tree stores, a shared parameter counted once.
   *
   * @return the count
   */
  public final long parameterCount() {
    return count(namedParameters(), false);
  }

  /**
   * How many numbers of the tree are trained, a shared parameter counted once.
   *
   * @return the count
   */
  public final long trainedParameterCount() {
    return count(namedParameters(), true);
  }

  private static long count(Map<String, Parameter> parameters, boolean trainedOnly) {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    long count = 0;
    for (Parameter parameter : parameters.values()) {
      if ((parameter.isTrained() || !trainedOnly) && seen.add(parameter)) {
        count += parameter.shape().numel();
      }
    }
    return count;
  }

  /**
   * The settings of this module, as the tree shows them: in brackets, or above the children.
   *
   * @return a few words in one line, empty for none
   */
  protected String settings() {
    return "";
  }

  /** The tree as PyTorch prints it, equal neighbours in a list drawn together. */
  @Override
  public String toString() {
    return TreePrinter.print(this);
  }
}
