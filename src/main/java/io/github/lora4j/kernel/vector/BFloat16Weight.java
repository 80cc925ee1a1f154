package io.github.lora4j.kernel.vector;

import io.github.lora4j.kernel.BFloat16;
import io.github.lora4j.kernel.Matrix;
import io.github.lora4j.kernel.WeightFormat;
import java.util.Arrays;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * A frozen weight held as bfloat16, two in an int: the lower half is the element of a row in the
 * first vector of a panel, the upper half that of the same lane in the second, so that a shift and
 * a mask widen them. What a block of the product needs is widened into the caches once and used for
 * all rows of the block.
 */
final class BFloat16Weight extends FrozenWeight {

  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, Lanes.SPECIES.vectorShape());
  private static final int UPPER = 0xffff0000;

  private final int[] pairs;

  /** One for each panel: threads that fill different rows may fill halves of the same ints. */
  private final Object[] locks;

  BFloat16Weight(int rows, int columns) {
    super(rows, columns);
    pairs = new int[length(rows, columns) / 2];
    locks = new Object[Panels.count(rows, Tiles.WIDE)];
    Arrays.setAll(locks, i -> new Object());
  }

  @Override
  public WeightFormat format() {
    return WeightFormat.BFLOAT16;
  }

  private int at(int panel, int column) {
    return (panel * columns + column) * Lanes.COUNT;
  }

  @Override
  RightOperand forward() {
    return (first, end, k0, k1) -> {
      int step = (k1 - k0) * Tiles.WIDE;
      float[] made = Scratch.current().panels((end - first) * step);
      for (int i = first; i < end; i++) {
        widen(pairs, at(i, k0), k1 - k0, made, Panels.START + (i - first) * step);
      }
      return new RightOperand.Block(made, Panels.START, step);
    };
  }

  @Override
  void turnSquare(int panel, int column, int count, int depth, float[] target, int offset) {
    float[] square = Scratch.current().square();
    widen(pairs, at(panel, column), count, square, 0);
    Panels.turn(square, 0, Tiles.WIDE, count, depth, 1, target, offset);
  }

  /** Widens {@code count} rows of WIDE elements. */
  private static void widen(int[] pairs, int from, int count, float[] to, int offset) {
    for (int i = 0; i < count; i++) {
      IntVector both = IntVector.fromArray(INTS, pairs, from + i * Lanes.COUNT);
      both.lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(to, offset + i * Tiles.WIDE);
      both.lanewise(VectorOperators.AND, UPPER)
          .reinterpretAsFloats()
          .intoArray(to, offset + i * Tiles.WIDE + Lanes.COUNT);
    }
  }

  @Override
  void put(int panel, int lane, int firstColumn, Matrix block) {
    synchronized (locks[panel]) {
      putHalves(panel, lane, firstColumn, block);
    }
  }

  private void putHalves(int panel, int lane, int firstColumn, Matrix block) {
    for (int j = 0; j < block.columns(); j++) {
      int row = at(panel, firstColumn + j);
      for (int i = 0; i < block.rows(); i++) {
        int half = BFloat16.bits(block.data()[block.index(i, j)]);
        int place = row + (lane + i) % Lanes.COUNT;
        pairs[place] =
            lane + i < Lanes.COUNT
                ? (pairs[place] & UPPER) | half
                : (pairs[place] & ~UPPER) | half << 16;
      }
    }
  }

  @Override
  void copyRow(int panel, int lane, float[] target, int offset) {
    int from = at(panel, 0) + lane % Lanes.COUNT;
    for (int k = 0; k < columns; k++) {
      int both = pairs[from + k * Lanes.COUNT];
      target[offset + k] = Float.intBitsToFloat(lane < Lanes.COUNT ? both << 16 : both & UPPER);
    }
  }
}
