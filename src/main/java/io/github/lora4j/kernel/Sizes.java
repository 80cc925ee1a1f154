package io.github.lora4j.kernel;

import org.jspecify.annotations.Nullable;

/**
 * The checks of sizes that both kernels make before they touch an array, so that a caller's mistake
 * gets the same message from either and leaves all arrays as they were.
 */
public final class Sizes {

  private Sizes() {}

  /**
   * Checks the operands of {@link Kernels#multiply}.
   *
   * @param a {@code (m, k)} expected
   * @param b {@code (k, n)} expected
   * @param c {@code (m, n)} expected
   * @throws IllegalArgumentException if sizes differ that must be equal
   */
  public static void checkProduct(Matrix a, Matrix b, Matrix c) {
    if (a.columns() != b.rows()) {
      throw new IllegalArgumentException(
          "multiply: inner dimensions differ, got %s x %s".formatted(shape(a), shape(b)));
    }
    if (a.rows() != c.rows() || b.columns() != c.columns()) {
      throw new IllegalArgumentException(
          "multiply: a result of (%d, %d) expected for %s x %s, got %s"
              .formatted(a.rows(), b.columns(), shape(a), shape(b), shape(c)));
    }
  }

  /**
   * Checks the operands of {@link Kernels#linear}.
   *
   * @param x {@code (m, in)} expected
   * @param weight {@code (out, in)}
   * @param bias {@code (out)} expected, or null
   * @param addend {@code (m, out)} with consecutive elements in a row expected, or null
   * @param lowRank {@code (in, r)} or none, {@code (m, r)} and {@code (r, out)} expected, or null
   * @param y {@code (m, out)} with consecutive elements in a row expected
   * @throws IllegalArgumentException if sizes differ that must be equal
   */
  public static void checkLinear(
      Matrix x,
      PackedMatrix weight,
      float @Nullable [] bias,
      @Nullable Matrix addend,
      @Nullable LowRank lowRank,
      Matrix y) {
    if (x.columns() != weight.columns()) {
      throw new IllegalArgumentException(
          "linear: inputs of (m, %d) expected for a weight of %s, got %s"
              .formatted(weight.columns(), shape(weight), shape(x)));
    }
    if (x.rows() != y.rows() || y.columns() != weight.rows()) {
      throw new IllegalArgumentException(
          "linear: a result of (%d, %d) expected for a weight of %s, got %s"
              .formatted(x.rows(), weight.rows(), shape(weight), shape(y)));
    }
    if (bias != null && bias.length != weight.rows()) {
      throw new IllegalArgumentException(
          "linear: a bias of %d elements expected, got %d".formatted(weight.rows(), bias.length));
    }
    if (addend != null) {
      if (addend.rows() != y.rows() || addend.columns() != y.columns()) {
        throw new IllegalArgumentException(
            "linear: an addend of %s expected, got %s".formatted(shape(y), shape(addend)));
      }
      checkConsecutive("linear", addend);
    }
    checkLowRank("linear", x, lowRank, y);
    checkConsecutive("linear", y);
  }

  /**
   * Checks the operands of {@link Kernels#linearBackward}.
   *
   * @param dy {@code (m, out)} expected
   * @param weight {@code (out, in)}
   * @param lowRank {@code (out, r)} or none, {@code (m, r)} and {@code (r, in)} expected, or null
   * @param dx {@code (m, in)} with consecutive elements in a row expected
   * @throws IllegalArgumentException if sizes differ that must be equal
   */
  public static void checkLinearBackward(
      Matrix dy, PackedMatrix weight, @Nullable LowRank lowRank, Matrix dx) {
    if (dy.columns() != weight.rows()) {
      throw new IllegalArgumentException(
          "linearBackward: gradients of (m, %d) expected for a weight of %s, got %s"
              .formatted(weight.rows(), shape(weight), shape(dy)));
    }
    if (dy.rows() != dx.rows() || dx.columns() != weight.columns()) {
      throw new IllegalArgumentException(
          "linearBackward: a result of (%d, %d) expected for a weight of %s, got %s"
              .formatted(dy.rows(), weight.columns(), shape(weight), shape(dx)));
    }
    checkLowRank("linearBackward", dy, lowRank, dx);
    checkConsecutive("linearBackward", dx);
  }

  private static void checkLowRank(
      String operation, Matrix x, @Nullable LowRank lowRank, Matrix result) {
    if (lowRank == null) {
      return;
    }
    Matrix hidden = lowRank.hidden();
    Matrix second = lowRank.second();
    if (hidden.rows() != result.rows() || second.columns() != result.columns()) {
      throw new IllegalArgumentException(
          "%s: a low-rank product of %s expected, got %s x %s"
              .formatted(operation, shape(result), shape(hidden), shape(second)));
    }
    Matrix first = lowRank.first();
    if (first != null && first.rows() != x.columns()) {
      throw new IllegalArgumentException(
          "%s: a low-rank product of (%d, %d) x (%d, r) expected, got a first operand of %s"
              .formatted(operation, x.rows(), x.columns(), x.columns(), shape(first)));
    }
  }

  /**
   * Checks the size of a weight that is to be made.
   *
   * @param rows out
   * @param columns in
   * @param length the number of elements with those that fill up its layout
   * @return that number
   * @throws IllegalArgumentException if a size is negative or no array is that long
   */
  public static int weightLength(int rows, int columns, long length) {
    if (rows < 0 || columns < 0 || length > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "weight: sizes from 0 and fewer than 2^31 elements expected, got (%d, %d)"
              .formatted(rows, columns));
    }
    return (int) length;
  }

  /**
   * Checks that a rectangle lies inside a weight.
   *
   * @param operation for the message
   * @param weight the weight
   * @param firstRow the first row
   * @param rowCount the number of rows
   * @param firstColumn the first column
   * @param columnCount the number of columns
   * @throws IllegalArgumentException if it does not
   */
  public static void checkInside(
      String operation,
      PackedMatrix weight,
      int firstRow,
      int rowCount,
      int firstColumn,
      int columnCount) {
    if (firstRow < 0
        || rowCount < 0
        || firstRow > weight.rows() - rowCount
        || firstColumn < 0
        || firstColumn > weight.columns() - columnCount) {
      throw new IllegalArgumentException(
          "%s: a rectangle inside a weight of %s expected, got (%d, %d) at row %d, column %d"
              .formatted(operation, shape(weight), rowCount, columnCount, firstRow, firstColumn));
    }
  }

  /**
   * Checks that an array has room for some elements.
   *
   * @param operation for the message
   * @param count how many
   * @param target the array
   * @param offset where they begin
   * @throws IllegalArgumentException if it has not
   */
  public static void checkRoom(String operation, long count, float[] target, int offset) {
    if (offset < 0 || offset + count > target.length) {
      throw new IllegalArgumentException(
          "%s: room for %d elements from %d expected, got an array of %d"
              .formatted(operation, count, offset, target.length));
    }
  }

  private static void checkConsecutive(String operation, Matrix result) {
    if (result.columns() > 1 && result.columnStride() != 1) {
      throw new IllegalArgumentException(
          "%s: a result with consecutive elements in a row expected, got column stride %d"
              .formatted(operation, result.columnStride()));
    }
  }

  /**
   * Checks that a weight was packed by the kernels that are to use it.
   *
   * @param <T> the form those kernels give a weight
   * @param weight the packed weight
   * @param form that form's class
   * @return the weight
   * @throws IllegalArgumentException if other kernels have packed it
   */
  public static <T extends PackedMatrix> T packedAs(PackedMatrix weight, Class<T> form) {
    if (!form.isInstance(weight)) {
      throw new IllegalArgumentException(
          "linear: a weight packed by the same kernels expected (%s), got %s"
              .formatted(form.getSimpleName(), weight.getClass().getSimpleName()));
    }
    return form.cast(weight);
  }

  /**
   * Checks the operands of {@link Kernels#softmax} and {@link Kernels#softmaxBackward}.
   *
   * @param x holds a row
   * @param xOffset where it begins
   * @param p holds another
   * @param pOffset where that begins
   * @param length the number of elements of each, at least 1
   * @throws IllegalArgumentException if the rows are empty or do not lie inside the arrays
   */
  public static void checkSoftmax(float[] x, int xOffset, float[] p, int pOffset, int length) {
    if (length < 1
        || xOffset < 0
        || xOffset > x.length - length
        || pOffset < 0
        || pOffset > p.length - length) {
      throw new IllegalArgumentException(
          "softmax: rows of 1 or more elements inside arrays of %d and %d expected, got %d from %d"
                  .formatted(x.length, p.length, length, xOffset)
              + " and from %d".formatted(pOffset));
    }
  }

  /**
   * Checks the operands of {@link Kernels#layerNorm}.
   *
   * @param x at least {@code (rows, columns)} expected
   * @param rows the number of rows
   * @param columns the number of columns
   * @param weight {@code (columns)} expected
   * @param bias {@code (columns)} expected
   * @param y at least {@code (rows, columns)} expected
   * @param mean at least {@code (rows)} expected
   * @param inverseDeviation at least {@code (rows)} expected
   * @throws IllegalArgumentException if an array has another size
   */
  public static void checkLayerNorm(
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] bias,
      float[] y,
      float[] mean,
      float[] inverseDeviation) {
    checkRows(rows, columns, x, y, weight, mean, inverseDeviation);
    checkLength("layerNorm", "bias", columns, bias);
  }

  /**
   * Checks the operands of {@link Kernels#layerNormBackward}.
   *
   * @param dy at least {@code (rows, columns)} expected
   * @param x at least {@code (rows, columns)} expected
   * @param rows the number of rows
   * @param columns the number of columns
   * @param weight {@code (columns)} expected
   * @param mean at least {@code (rows)} expected
   * @param inverseDeviation at least {@code (rows)} expected
   * @param dx at least {@code (rows, columns)} expected
   * @throws IllegalArgumentException if an array has another size
   */
  public static void checkLayerNormBackward(
      float[] dy,
      float[] x,
      int rows,
      int columns,
      float[] weight,
      float[] mean,
      float[] inverseDeviation,
      float[] dx) {
    checkRows(rows, columns, dy, x, weight, mean, inverseDeviation);
    checkAtLeast("dx", (long) rows * columns, dx);
  }

  private static void checkRows(
      int rows,
      int columns,
      float[] first,
      float[] second,
      float[] weight,
      float[] mean,
      float[] inverseDeviation) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "layerNorm: sizes from 0 expected, got (%d, %d)".formatted(rows, columns));
    }
    checkAtLeast("rows x columns", (long) rows * columns, first);
    checkAtLeast("rows x columns", (long) rows * columns, second);
    checkLength("layerNorm", "weight", columns, weight);
    checkAtLeast("mean", rows, mean);
    checkAtLeast("inverse deviation", rows, inverseDeviation);
  }

  private static void checkAtLeast(String operand, long expected, float[] array) {
    if (array.length < expected) {
      throw new IllegalArgumentException(
          "layerNorm: at least %d elements of %s expected, got %d"
              .formatted(expected, operand, array.length));
    }
  }

  /**
   * Checks arrays that must hold at least some number of elements.
   *
   * @param operation for the message
   * @param length how many
   * @param arrays the arrays
   * @throws IllegalArgumentException if one is shorter, or the number is negative
   */
  public static void checkHolds(String operation, int length, float[]... arrays) {
    for (float[] array : arrays) {
      if (length < 0 || array.length < length) {
        throw new IllegalArgumentException(
            "%s: arrays of at least %d elements expected, got %d"
                .formatted(operation, Math.max(0, length), array.length));
      }
    }
  }

  /**
   * Checks the operands of {@link Kernels#adamW}.
   *
   * @param p the parameter
   * @param g as long as {@code p} expected
   * @param m as long as {@code p} expected
   * @param v as long as {@code p} expected
   * @throws IllegalArgumentException if they are not
   */
  public static void checkAdamW(float[] p, float[] g, float[] m, float[] v) {
    checkLength("adamW", "g", p.length, g);
    checkLength("adamW", "m", p.length, m);
    checkLength("adamW", "v", p.length, v);
  }

  /** Checks an array that must hold as many elements as another. */
  static void checkLength(String operation, String operand, int expected, float[] array) {
    if (array.length != expected) {
      throw new IllegalArgumentException(
          "%s: %d elements of %s expected, got %d"
              .formatted(operation, expected, operand, array.length));
    }
  }

  private static String shape(Matrix m) {
    return "(%d, %d)".formatted(m.rows(), m.columns());
  }

  private static String shape(PackedMatrix m) {
    return "(%d, %d)".formatted(m.rows(), m.columns());
  }
}
