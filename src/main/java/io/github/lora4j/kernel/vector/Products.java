package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.Matrix;

/** Matrix products of operands in any orientation: chooses how the work is done, by the sizes. */
final class Products {

  private Products() {}

  /** {@code c = alpha a b}, or {@code c += alpha a b}. */
  static void multiply(Matrix a, Matrix b, float alpha, Matrix c, boolean accumulate) {
    if (c.columnStride() != 1) {
      multiply(b.transpose(), a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    if (c.columns() <= Lanes.COUNT) {
      NarrowProducts.multiply(a, b, alpha, c, accumulate);
      return;
    }
    if (c.rows() <= Lanes.COUNT) {
      NarrowProducts.multiply(b.transpose(), a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    if (b.rows() >= LongProducts.LONG && c.rows() <= LongProducts.MOST_ROWS) {
      LongProducts.multiply(a, b, alpha, c, accumulate);
      return;
    }
    if (b.rows() >= LongProducts.LONG && c.columns() <= LongProducts.MOST_ROWS) {
      LongProducts.multiply(b.transpose(), a.transpose(), alpha, c.transpose(), accumulate);
      return;
    }
    float[] packed = Scratch.current().right(Panels.length(b.rows(), b.columns(), Tiles.WIDE));
    Panels.packRight(b, alpha, Tiles.WIDE, packed);
    new WideProduct(a, RightOperand.packed(packed, b.rows()), accumulate, c).run();
  }
}
