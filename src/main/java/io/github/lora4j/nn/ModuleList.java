package io.github.lora4j.nn;

import java.util.Iterator;
import java.util.List;

/**
 * Modules in a row, named {@code 0}, {@code 1} and so on.
 *
 * @param <M> the type of the modules
 */
public final class ModuleList<M extends Module> extends Module implements Iterable<M> {

  private final List<M> modules;

  /**
   * Registers modules under their numbers.
   *
   * @param modules in order; copied
   */
  public ModuleList(List<M> modules) {
    this.modules = List.copyOf(modules);
    for (int i = 0; i < this.modules.size(); i++) {
      child(Integer.toString(i), this.modules.get(i));
    }
  }

  /**
   * One module.
   *
   * @param index its number from 0
   * @return the module
   */
  public M get(int index) {
    return modules.get(index);
  }

  /**
   * How many modules there are.
   *
   * @return the number
   */
  public int size() {
    return modules.size();
  }

  @Override
  public Iterator<M> iterator() {
    return modules.iterator();
  }
}
