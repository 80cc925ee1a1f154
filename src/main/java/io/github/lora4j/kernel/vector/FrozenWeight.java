package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.PackedMatrix;
import org.jspecify.annotations.Nullable;

/**
 * A weight {@code (out, in)} that no longer changes, packed as the right operand of each direction
 * at the first use of that direction: of W^T for the forward pass, of W for the gradient of the
 * input.
 */
final class FrozenWeight implements PackedMatrix {

  private final Matrix weight;
  private volatile float @Nullable [] forward;
  private volatile float @Nullable [] backward;

  FrozenWeight(Matrix weight) {
    this.weight = weight;
  }

  @Override
  public int rows() {
    return weight.rows();
  }

  @Override
  public int columns() {
    return weight.columns();
  }

  float[] forward() {
    float[] panels = forward;
    if (panels == null) {
      synchronized (this) {
        panels = forward;
        if (panels == null) {
          panels = pack(weight.transpose());
          forward = panels;
        }
      }
    }
    return panels;
  }

  float[] backward() {
    float[] panels = backward;
    if (panels == null) {
      synchronized (this) {
        panels = backward;
        if (panels == null) {
          panels = pack(weight);
          backward = panels;
        }
      }
    }
    return panels;
  }

  private static float[] pack(Matrix b) {
    float[] panels = new float[Panels.length(b.rows(), b.columns(), Tiles.WIDE)];
    Panels.packRight(b, 1, Tiles.WIDE, panels);
    return panels;
  }
}
