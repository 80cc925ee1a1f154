package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ShapeTest {

  private static void assertRefused(String message, Executable mistake) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, mistake).getMessage());
  }

  @Test
  void rowsAreAllDimensionsButTheLast() {
    Shape shape = Shape.of(2, 3, 5);

    assertEquals(3, shape.rank());
    assertEquals(30, shape.numel());
    assertEquals(6, shape.rows());
    assertEquals(5, shape.columns());
    assertEquals(2, shape.dim(0));
    assertEquals(3, shape.dim(-2));
    assertEquals(Shape.of(2, 3, 7), shape.withColumns(7));
    assertEquals("(2, 3, 5)", shape.toString());
  }

  @Test
  void aScalarHasOneElementAndNoDimensions() {
    Shape scalar = Shape.of();

    assertEquals(0, scalar.rank());
    assertEquals(1, scalar.numel());
    assertEquals("()", scalar.toString());
    assertRefused(
        "dim: an index into the 0 dimensions of () expected, got -1", () -> scalar.columns());
    assertRefused(
        "withColumns: a shape with a last dimension expected, got ()", () -> scalar.withColumns(2));
  }

  @Test
  void aSizeMayBeZero() {
    assertEquals(0, Shape.of(3, 0).numel());
    assertEquals(3, Shape.of(3, 0).rows());
    assertEquals(0, Shape.of(0, 3).rows());
  }

  @Test
  void shapesAreEqualBySizes() {
    assertEquals(Shape.of(2, 3), Shape.of(2, 3));
    assertEquals(Shape.of(2, 3).hashCode(), Shape.of(2, 3).hashCode());
    assertNotEquals(Shape.of(2, 3), Shape.of(3, 2));
    assertNotEquals(Shape.of(6), Shape.of(6, 1));
  }

  @Test
  void aShapeIsNotChangedThroughItsArrays() {
    int[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 9;
    shape.toArray()[1] = 9;

    assertArrayEquals(new int[] {2, 3}, shape.toArray());
  }

  @Test
  void impossibleSizesAreRefused() {
    assertRefused("shape: sizes from 0 expected, got [2, -1]", () -> Shape.of(2, -1));
    assertRefused(
        "shape: at most 2^31 - 9 elements expected, got [65536, 32768]",
        () -> Shape.of(1 << 16, 1 << 15));
    assertRefused(
        "shape: at most 2^31 - 9 elements expected, got [2147483647, 2147483647, 4]",
        () -> Shape.of(Integer.MAX_VALUE, Integer.MAX_VALUE, 4));
    assertRefused(
        "dim: an index into the 2 dimensions of (2, 3) expected, got 2",
        () -> Shape.of(2, 3).dim(2));
  }
}
