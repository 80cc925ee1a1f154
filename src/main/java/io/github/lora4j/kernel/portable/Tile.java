package io.github.lora4j.kernel.portable;

import io.github.lora4j.kernel.Matrix;

/**
 * The innermost loops of a matrix product: {@link #ROWS} rows of the result at a time.
 *
 * <p>Their form is what HotSpot's compiler turns into vector code. It must know that no row
 * overlaps another shifted against it, so every row is an array of its own and all are indexed by
 * the loop's counter alone: with an offset into an array the loops run at a fifth of the speed. Two
 * products per element and round halve the traffic of the result. Three rows are the most: of four
 * rows by two products, or two by four, the compiler of Java 17 makes no vector code.
 */
final class Tile {

  /** The number of rows. */
  static final int ROWS = 3;

  private Tile() {}

  /**
   * Adds the products of some rows of the left operand with a block of the right one.
   *
   * @param a the left operand
   * @param row the first row; where rows are missing after it, the last is taken instead
   * @param k0 the first of the inner indices
   * @param depth their number
   * @param scale the factor of the elements of {@code a}
   * @param right the rows {@code k0} and after of the right operand
   * @param tile the rows of the result; modified
   * @param width the number of columns
   */
  static void add(
      Matrix a,
      int row,
      int k0,
      int depth,
      float scale,
      float[][] right,
      float[][] tile,
      int width) {
    float[] data = a.data();
    int last = a.rows() - 1;
    int stride = a.columnStride();
    int i0 = a.index(row, k0);
    int i1 = a.index(Math.min(row + 1, last), k0);
    int i2 = a.index(Math.min(row + 2, last), k0);
    int k = 0;
    for (; k + 1 < depth; k += 2) {
      addTwo(
          scale * data[i0],
          scale * data[i0 + stride],
          scale * data[i1],
          scale * data[i1 + stride],
          scale * data[i2],
          scale * data[i2 + stride],
          right[k],
          right[k + 1],
          tile[0],
          tile[1],
          tile[2],
          width);
      i0 += 2 * stride;
      i1 += 2 * stride;
      i2 += 2 * stride;
    }
    if (k < depth) {
      addOne(
          scale * data[i0],
          scale * data[i1],
          scale * data[i2],
          right[k],
          tile[0],
          tile[1],
          tile[2],
          width);
    }
  }

  /** Each sum is written so that its products are added one after the other. */
  private static void addTwo(
      float a00,
      float a01,
      float a10,
      float a11,
      float a20,
      float a21,
      float[] b0,
      float[] b1,
      float[] c0,
      float[] c1,
      float[] c2,
      int width) {
    for (int j = 0; j < width; j++) {
      float x0 = b0[j];
      float x1 = b1[j];
      c0[j] = c0[j] + a00 * x0 + a01 * x1;
      c1[j] = c1[j] + a10 * x0 + a11 * x1;
      c2[j] = c2[j] + a20 * x0 + a21 * x1;
    }
  }

  private static void addOne(
      float a0, float a1, float a2, float[] b, float[] c0, float[] c1, float[] c2, int width) {
    for (int j = 0; j < width; j++) {
      float x = b[j];
      c0[j] += a0 * x;
      c1[j] += a1 * x;
      c2[j] += a2 * x;
    }
  }
}
