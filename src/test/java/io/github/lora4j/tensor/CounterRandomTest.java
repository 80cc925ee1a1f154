package io.github.lora4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Statistical bounds are five standard deviations of what is measured over {@value #N} numbers. */
class CounterRandomTest {

  private static final int N = 200_000;
  private static final double ROOT_N = Math.sqrt(N);

  /** The first numbers that the authors' generator gives for the seed 0. */
  @Test
  void theBitsAreThoseOfSplitMix64() {
    assertEquals(0xE220A8397B1DCDAFL, CounterRandom.bits(0, 0));
    assertEquals(0x6E789E6AA1B965F4L, CounterRandom.bits(0, 1));
    assertEquals(0x06C45D188009454FL, CounterRandom.bits(0, 2));
  }

  /** Test vectors of the hash's authors. */
  @Test
  void aPlaceIsTheFnv1aHashOfItsName() {
    assertEquals(0xcbf29ce484222325L, CounterRandom.place(""));
    assertEquals(0xaf63dc4c8601ec8cL, CounterRandom.place("a"));
    assertEquals(0x85944171f73967e8L, CounterRandom.place("foobar"));
  }

  @Test
  void aKeyDependsOnEveryPartAndItsOrder() {
    Set<Long> keys = new HashSet<>();
    for (long a = -3; a <= 3; a++) {
      for (long b = -3; b <= 3; b++) {
        for (long c = -3; c <= 3; c++) {
          keys.add(CounterRandom.key(a, b, c));
        }
      }
    }

    assertEquals(7 * 7 * 7, keys.size());
    assertNotEquals(CounterRandom.key(1), CounterRandom.key(1, 0));
  }

  @Test
  void uniformNumbersHaveTheMomentsAndSharesOfTheUniformDistribution() {
    double sum = 0;
    double squares = 0;
    int[] shares = new int[16];
    for (int i = 0; i < N; i++) {
      float u = CounterRandom.uniform(CounterRandom.key(9), i);
      assertTrue(u >= 0 && u < 1);
      assertEquals(u * 0x1p24f, (float) Math.rint(u * 0x1p24));
      sum += u;
      squares += (u - 0.5) * (u - 0.5);
      shares[(int) (16 * u)]++;
    }

    assertEquals(0.5, sum / N, 5 * Math.sqrt(1 / 12.0) / ROOT_N);
    // The variance of (u - 1/2)^2 is 1/80 - 1/144 = 1/180.
    assertEquals(1 / 12.0, squares / N, 5 * Math.sqrt(1 / 180.0) / ROOT_N);
    for (int share : shares) {
      assertEquals(N / 16.0, share, 5 * Math.sqrt(N * 15 / 256.0));
    }
  }

  @Test
  void neighboursAndOtherKeysAreUncorrelated() {
    double next = 0;
    double other = 0;
    double nextKey = 0;
    long key = CounterRandom.key(9);
    for (int i = 0; i < N; i++) {
      double u = CounterRandom.uniform(key, i) - 0.5;
      next += u * (CounterRandom.uniform(key, i + 1) - 0.5);
      other += u * (CounterRandom.uniform(CounterRandom.key(10), i) - 0.5);
      nextKey += u * (CounterRandom.uniform(key + 1, i) - 0.5);
    }

    // Of independent numbers the product has the deviation 1/12.
    double bound = 5 / 12.0 * ROOT_N;
    assertEquals(0, next, bound);
    assertEquals(0, other, bound);
    assertEquals(0, nextKey, bound);
  }

  /** Of a standard normal number z: var(z^2) = 2, var(z^3) = 15, var(z^4) = 96. */
  @Test
  void normalNumbersHaveTheMomentsOfTheNormalDistribution() {
    double[] moments = new double[5];
    for (int i = 0; i < N; i++) {
      double z = CounterRandom.gaussian(CounterRandom.key(9), i);
      for (int power = 1; power <= 4; power++) {
        moments[power] += Math.pow(z, power) / N;
      }
    }

    assertEquals(0, moments[1], 5 / ROOT_N);
    assertEquals(1, moments[2], 5 * Math.sqrt(2) / ROOT_N);
    assertEquals(0, moments[3], 5 * Math.sqrt(15) / ROOT_N);
    assertEquals(3, moments[4], 5 * Math.sqrt(96) / ROOT_N);
  }

  @Test
  void fillingIsDrawingOneByOne() {
    float[] uniform = new float[1000];
    float[] normal = new float[1000];
    CounterRandom.fillUniform(4, 0.5f, uniform);
    CounterRandom.fillGaussian(4, 0.02f, normal);

    float[] expectedUniform = new float[1000];
    float[] expectedNormal = new float[1000];
    for (int i = 0; i < 1000; i++) {
      assertTrue(uniform[i] >= -0.5f && uniform[i] < 0.5f);
      expectedUniform[i] = CounterRandom.uniform(4, i) - 0.5f;
      expectedNormal[i] = (float) (0.02f * CounterRandom.gaussian(4, i));
    }
    assertArrayEquals(expectedUniform, uniform);
    assertArrayEquals(expectedNormal, normal);
  }
}
