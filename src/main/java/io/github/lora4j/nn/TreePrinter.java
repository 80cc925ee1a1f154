package io.github.lora4j.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Draws a module tree as PyTorch does. */
final class TreePrinter {

  private static final String INDENT = "  ";

  private TreePrinter() {}

  static String print(Module module) {
    String name = module.getClass().getSimpleName();
    Map<String, Module> children = module.children();
    String settings = module.settings();
    if (children.isEmpty()) {
      return name + "(" + settings + ")";
    }
    List<String> labels = new ArrayList<>();
    List<String> trees = new ArrayList<>();
    List<Integer> repeats = new ArrayList<>();
    children.forEach(
        (label, child) -> {
          String tree = print(child);
          int last = trees.size() - 1;
          if (module instanceof ModuleList<?> && last >= 0 && trees.get(last).equals(tree)) {
            repeats.set(last, repeats.get(last) + 1);
          } else {
            labels.add(label);
            trees.add(tree);
            repeats.add(1);
          }
        });
    StringBuilder drawing = new StringBuilder(name).append("(\n");
    if (!settings.isEmpty()) {
      drawing.append(INDENT).append(settings).append('\n');
    }
    for (int i = 0; i < trees.size(); i++) {
      int repeat = repeats.get(i);
      drawing.append(INDENT).append('(').append(labels.get(i));
      if (repeat > 1) {
        drawing.append('-').append(Integer.parseInt(labels.get(i)) + repeat - 1);
      }
      drawing.append("): ").append(repeat > 1 ? repeat + " x " : "");
      drawing.append(trees.get(i).replace("\n", "\n" + INDENT)).append('\n');
    }
    return drawing.append(')').toString();
  }
}
