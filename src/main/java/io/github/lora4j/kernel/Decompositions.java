package io.github.lora4j.kernel;

import java.util.Arrays;
import java.util.Comparator;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.MatrixFeatures_FDRM;
import org.ejml.dense.row.factory.DecompositionFactory_FDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F32;

/**
 * Decompositions of small dense matrices, computed in double and given in float32. They run on the
 * calling thread; the same matrix gives the same bits on every machine. Meant for matrices with one
 * small side: the cost is cubic in it and linear in the other.
 */
public final class Decompositions {

  /** Rotations end at this cosine per column; a dot product is not known better than that. */
  private static final double COSINE = 0x1p-52;

  /** A column this much shorter than the whole, squared, is lost in float32 anyway. */
  private static final double NEGLIGIBLE = 0x1p-120;

  private static final int MAX_SWEEPS = 60;

  private Decompositions() {}

  /**
   * The outcome of {@link #qr}, {@code a = Q R} with k = min(m, n).
   *
   * @param q Q, {@code (m, k)}, its columns orthonormal
   * @param r R, {@code (k, n)}, zero below its diagonal, which is nowhere negative
   */
  public record Qr(Matrix q, Matrix r) {}

  /**
   * The outcome of {@link #svd}, {@code a = U diag(values) V^T} with k = min(m, n).
   *
   * @param left U, {@code (m, k)}, its columns orthonormal; the largest element of each by
   *     magnitude, the first of equals, is positive
   * @param values the k singular values, none negative, in descending order
   * @param right V, {@code (n, k)}, its columns orthonormal
   */
  public record Svd(Matrix left, double[] values, Matrix right) {}

  /**
   * Thin QR decomposition by Householder reflections. The columns of Q are orthonormal whatever the
   * rank of the matrix.
   *
   * @param a {@code (m, n)}
   * @return Q {@code (m, k)} and R {@code (k, n)}
   * @throws IllegalArgumentException if an element is NaN or infinite
   */
  public static Qr qr(Matrix a) {
    Factors factors = factor(columnsOf("qr", a), a.rows());
    return new Qr(matrix(factors.q, a.rows()), matrix(factors.r, Math.min(a.rows(), a.columns())));
  }

  /**
   * Thin singular value decomposition. EJML takes the triangular factor of the matrix close to its
   * singular vectors in float32, one-sided Jacobi rotations (Hestenes 1958) do the rest in double.
   *
   * @param a {@code (m, n)}
   * @return U {@code (m, k)}, the singular values and V {@code (n, k)}
   * @throws IllegalArgumentException if an element is NaN or infinite
   */
  public static Svd svd(Matrix a) {
    boolean isWide = a.rows() < a.columns();
    Matrix tall = isWide ? a.transpose() : a;
    int n = tall.columns();
    Factors outer = factor(columnsOf("svd", tall), tall.rows());
    double[][] v = approximateRightVectors(outer.r);
    double[][] rotated = product(outer.r, n, v);
    orthogonalize(rotated, v);

    double[] squares = new double[n];
    Arrays.setAll(squares, j -> dot(rotated[j], rotated[j], 0, n));
    Integer[] order = new Integer[n];
    Arrays.setAll(order, j -> j);
    Arrays.sort(order, Comparator.comparingDouble(j -> -squares[j]));
    double[] values = new double[n];
    double[][] right = new double[n][];
    double[][] sorted = new double[n][];
    for (int j = 0; j < n; j++) {
      values[j] = Math.sqrt(squares[order[j]]);
      right[j] = v[order[j]];
      sorted[j] = rotated[order[j]];
    }
    // Orthogonal columns differ from this Q by their length alone, and where a length is zero Q
    // still has a column that is orthogonal to the others.
    double[][] left = product(outer.q, tall.rows(), factor(sorted, n).q);
    orient(isWide ? right : left, isWide ? left : right);
    Matrix first = matrix(left, tall.rows());
    Matrix second = matrix(right, n);
    return isWide ? new Svd(second, values, first) : new Svd(first, values, second);
  }

  /** Q and R by columns. */
  private record Factors(double[][] q, double[][] r) {}

  /** The factors of the matrix with these columns of m elements, which are overwritten. */
  private static Factors factor(double[][] columns, int m) {
    int n = columns.length;
    int k = Math.min(m, n);
    double[] diagonal = new double[k];
    double[] factors = new double[k];
    for (int j = 0; j < k; j++) {
      double[] x = columns[j];
      double norm = Math.sqrt(dot(x, x, j, m));
      if (norm > 0) {
        // From here on x holds the vector v of the reflection I - factor v v^T.
        factors[j] = 1 / (norm * (norm + Math.abs(x[j])));
        diagonal[j] = x[j] > 0 ? -norm : norm;
        x[j] -= diagonal[j];
        for (int c = j + 1; c < n; c++) {
          add(-factors[j] * dot(x, columns[c], j, m), x, columns[c], j, m);
        }
      }
    }
    double[][] r = new double[n][k];
    for (int c = 0; c < n; c++) {
      System.arraycopy(columns[c], 0, r[c], 0, Math.min(c, k));
      if (c < k) {
        r[c][c] = diagonal[c];
      }
    }
    double[][] q = new double[k][m];
    for (int c = 0; c < k; c++) {
      q[c][c] = 1;
      for (int j = c; j >= 0; j--) {
        add(-factors[j] * dot(columns[j], q[c], j, m), columns[j], q[c], j, m);
      }
      if (diagonal[c] < 0) {
        negate(q[c]);
        for (int j = c; j < n; j++) {
          r[j][c] = -r[j][c];
        }
      }
    }
    return new Factors(q, r);
  }

  /**
   * Orthonormal columns near the right singular vectors of a square matrix; the unit vectors where
   * float32 does not suffice to find them. Any orthonormal columns would do, near ones save sweeps.
   */
  private static double[][] approximateRightVectors(double[][] columns) {
    int n = columns.length;
    double[][] v = new double[n][n];
    for (int j = 0; j < n; j++) {
      v[j][j] = 1;
    }
    double largest =
        Arrays.stream(columns).flatMapToDouble(Arrays::stream).map(Math::abs).max().orElse(0);
    if (largest == 0) {
      return v;
    }
    FMatrixRMaj narrow = new FMatrixRMaj(n, n);
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < n; i++) {
        narrow.set(i, j, (float) (columns[j][i] / largest));
      }
    }
    SingularValueDecomposition_F32<FMatrixRMaj> svd =
        DecompositionFactory_FDRM.svd(n, n, false, true, true);
    if (!svd.decompose(narrow) || MatrixFeatures_FDRM.hasUncountable(svd.getV(null, false))) {
      return v;
    }
    FMatrixRMaj found = svd.getV(null, false);
    double[][] near = new double[n][n];
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < n; i++) {
        near[j][i] = found.get(i, j);
      }
    }
    return factor(near, n).q;
  }

  /** Rotates pairs of columns, and the same columns of v, until all are orthogonal. */
  private static void orthogonalize(double[][] columns, double[][] v) {
    int n = columns.length;
    double negligible = 0;
    for (double[] column : columns) {
      negligible += NEGLIGIBLE * dot(column, column, 0, n);
    }
    boolean isRotated = true;
    for (int sweep = 0; isRotated; sweep++) {
      if (sweep == MAX_SWEEPS) {
        throw new IllegalStateException(
            "svd: orthogonal columns expected within %d sweeps, got none of %d"
                .formatted(MAX_SWEEPS, n));
      }
      isRotated = false;
      for (int p = 0; p < n; p++) {
        for (int q = p + 1; q < n; q++) {
          isRotated |= rotate(columns, v, p, q, negligible);
        }
      }
    }
  }

  private static boolean rotate(double[][] columns, double[][] v, int p, int q, double negligible) {
    int n = columns.length;
    double pp = dot(columns[p], columns[p], 0, n);
    double qq = dot(columns[q], columns[q], 0, n);
    double pq = dot(columns[p], columns[q], 0, n);
    if (Math.min(pp, qq) <= negligible || Math.abs(pq) <= n * COSINE * Math.sqrt(pp * qq)) {
      return false;
    }
    double zeta = (qq - pp) / (2 * pq);
    double tangent = Math.copySign(1 / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta)), zeta);
    double cosine = 1 / Math.sqrt(1 + tangent * tangent);
    for (double[][] each : new double[][][] {columns, v}) {
      for (int i = 0; i < n; i++) {
        double x = each[p][i];
        double y = each[q][i];
        each[p][i] = cosine * (x - tangent * y);
        each[q][i] = cosine * (tangent * x + y);
      }
    }
    return true;
  }

  /** Turns pairs of vectors so that the largest element of the first is positive. */
  private static void orient(double[][] first, double[][] second) {
    for (int j = 0; j < first.length; j++) {
      double largest = 0;
      for (double x : first[j]) {
        largest = Math.abs(x) > Math.abs(largest) ? x : largest;
      }
      if (largest < 0) {
        negate(first[j]);
        negate(second[j]);
      }
    }
  }

  /** The columns of a product, of m elements each. */
  private static double[][] product(double[][] a, int m, double[][] b) {
    double[][] columns = new double[b.length][m];
    for (int j = 0; j < b.length; j++) {
      for (int i = 0; i < a.length; i++) {
        add(b[j][i], a[i], columns[j], 0, m);
      }
    }
    return columns;
  }

  private static double[][] columnsOf(String operation, Matrix a) {
    double[][] columns = new double[a.columns()][a.rows()];
    for (int i = 0; i < a.rows(); i++) {
      for (int j = 0; j < a.columns(); j++) {
        float x = a.data()[a.index(i, j)];
        if (!Float.isFinite(x)) {
          throw new IllegalArgumentException(
              "%s: finite elements expected, got %s at (%d, %d)".formatted(operation, x, i, j));
        }
        columns[j][i] = x;
      }
    }
    return columns;
  }

  private static Matrix matrix(double[][] columns, int rows) {
    int n = columns.length;
    float[] data = new float[rows * n];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < n; j++) {
        data[i * n + j] = (float) columns[j][i];
      }
    }
    return Matrix.of(data, rows, n);
  }

  private static void negate(double[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] = -x[i];
    }
  }

  private static void add(double factor, double[] x, double[] y, int from, int to) {
    for (int i = from; i < to; i++) {
      y[i] += factor * x[i];
    }
  }

  /** Two sums at once, since one alone waits for every addition to end. */
  private static double dot(double[] x, double[] y, int from, int to) {
    double even = 0;
    double odd = 0;
    int i = from;
    for (; i < to - 1; i += 2) {
      even += x[i] * y[i];
      odd += x[i + 1] * y[i + 1];
    }
    return even + odd + (i < to ? x[i] * y[i] : 0);
  }
}
