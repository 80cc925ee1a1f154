package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/** A right operand that one thread packs and uses, in {@link Panels} of {@link Tiles#WIDE}. */
final class PackedPanels {

  private final Room room = new Room();
  private float[] elements = new float[0];
  private int depth;

  /** Packs an operand; the one before is lost. */
  void of(Matrix b) {
    depth = b.rows();
    elements = room.atLeast(Panels.length(depth, b.columns(), Tiles.WIDE));
    Panels.packRight(b, 1, Tiles.WIDE, elements);
  }

  /** Holds the panels. */
  float[] elements() {
    return elements;
  }

  /** Where a row of a panel begins. */
  int at(int panel, int k) {
    return Panels.START + (panel * depth + k) * Tiles.WIDE;
  }
}
