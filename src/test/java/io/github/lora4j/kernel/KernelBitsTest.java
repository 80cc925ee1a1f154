package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * The kernels give the same bits in the interpreter, with the first and with the optimizing
 * compiler.
 */
@Timeout(600)
class KernelBitsTest {

  /**
   * Prints a hash over the results of all kernels. Repeats that, so that the compilers get to work,
   * and fails if the hash ever changes.
   */
  static final class Main {
    private Main() {}

    public static void main(String[] args) {
      Kernels kernels = ActiveKernels.get();
      String hash = results(kernels);
      for (int round = 1; round < Integer.getInteger("rounds"); round++) {
        String again = results(kernels);
        if (!again.equals(hash)) {
          throw new AssertionError("the results have changed from " + hash + " to " + again);
        }
      }
      System.out.println("kernels " + kernels.description());
      System.out.println("hash " + hash);
    }

    private static String results(Kernels kernels) {
      MessageDigest digest = sha256();
      for (int[] size :
          new int[][] {{1, 17, 3}, {13, 31, 33}, {5, 9, 70}, {27, 4, 16}, {2, 32, 64}}) {
        products(kernels, digest, size[0], size[1], size[2]);
        frozen(kernels, digest, size[0], size[1], size[2]);
      }
      for (int n : new int[] {1, 17, 75}) {
        rows(kernels, digest, n);
        elements(kernels, digest, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
      try {
        return MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new AssertionError(e);
      }
    }

    private static void add(MessageDigest digest, float... values) {
      ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
      bytes.asFloatBuffer().put(values);
      digest.update(bytes.array());
    }

    private static void products(Kernels kernels, MessageDigest digest, int m, int k, int n) {
      Matrix a = KernelsUnderTest.somewhere(m, k, false, 1);
      Matrix b = KernelsUnderTest.somewhere(k, n, true, 2);
      Matrix c = KernelsUnderTest.somewhere(m, n, false, 3);
      kernels.multiply(a, b, 0.7f, c, true);
      add(digest, c.data());
      kernels.multiply(KernelsUnderTest.somewhere(k, m, false, 4).transpose(), b, 1, c, false);
      add(digest, c.data());
      PackedMatrix w = kernels.pack(b.transpose());
      kernels.linear(a, w, KernelsUnderTest.uniform(n, 1, 5), c);
      add(digest, c.data());
      Matrix dx = KernelsUnderTest.somewhere(m, k, false, 6);
      kernels.linearBackward(c, w, dx, true);
      add(digest, dx.data());
    }

    private static void frozen(Kernels kernels, MessageDigest digest, int m, int in, int out) {
      for (WeightFormat format : WeightFormat.values()) {
        for (int seed = 1; seed <= 2; seed++) {
          LinearCase operands = LinearCase.of(m, in, out, 3, false, seed);
          PackedMatrix w = operands.packed(kernels, format);
          add(digest, KernelsUnderTest.elements(operands.linear(kernels, w)));
          add(digest, KernelsUnderTest.elements(operands.linearBackward(kernels, w)));
          float[] rows = new float[out * in];
          w.copyRows(0, out, rows, 0);
          add(digest, rows);
        }
      }
    }

    private static void rows(Kernels kernels, MessageDigest digest, int n) {
      float[] x = KernelsUnderTest.uniform(2 * n, 3, n);
      float[] p = new float[2 * n];
      add(digest, (float) kernels.softmax(x, 0, p, 0, n));
      add(digest, (float) kernels.softmax(x, n, p, n, n));
      float[] dp = x.clone();
      kernels.softmaxBackward(p, 0, dp, 0, n);
      float[] y = new float[2 * n];
      float[] mean = new float[2];
      float[] scale = new float[2];
      float[] weight = KernelsUnderTest.uniform(n, 1, 7);
      float[] bias = KernelsUnderTest.uniform(n, 1, 8);
      kernels.layerNorm(x, 2, n, weight, bias, 1e-5f, y, mean, scale);
      float[] dx = p.clone();
      kernels.layerNormBackward(y, x, 2, n, weight, mean, scale, dx, true);
      add(digest, p);
      add(digest, dp);
      add(digest, y);
      add(digest, mean);
      add(digest, scale);
      add(digest, dx);
    }

    private static void elements(Kernels kernels, MessageDigest digest, int n) {
      float[] x = KernelsUnderTest.uniform(n, 5, n);
      float[] y = new float[n];
      kernels.gelu(x, y, x.length);
      float[] dx = y.clone();
      kernels.geluBackward(x, y, dx, x.length, true);
      float[] m = new float[n];
      float[] v = new float[n];
      AdamWStep step = new AdamWStep(1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 1);
      kernels.adamW(x, dx, 0.5f, m, v, step);
      add(digest, x);
      add(digest, y);
      add(digest, dx);
      add(digest, m);
      add(digest, v);
    }
  }

  /** Our own methods are compiled after a fiftieth of the usual calls, before they go on. */
  private static final List<String> COMPILE_SOON =
      List.of(
          "-Xbatch",
          "-XX:CompileCommand=quiet",
          "-XX:CompileCommand=CompileThresholdScaling,io.github.lora4j.kernel.*::*,0.02");

  private static final int ROUNDS = 60;

  @TempDir Path folder;

  private static String run(String kernels, int rounds, List<String> flags) {
    List<String> all = new ArrayList<>(flags);
    if (kernels.equals("vector")) {
      all.addAll(ChildJvm.WITH_MODULE);
    }
    all.add("-Dlora4j.kernels=" + kernels); // or the gates refuse interpreter and first compiler
    all.add("-Drounds=" + rounds);
    String output = ChildJvm.run(Main.class, all);
    assertTrue(ChildJvm.value(output, "kernels").startsWith(kernels), output);
    return output;
  }

  /**
   * The hash of the results of compiled code, after a look at the log of the compiler: else this
   * might be the interpreter once more.
   *
   * @param level 1 for the first compiler, 4 for the optimizing one
   * @param methods what must have been compiled; a method that the compiler puts into its caller
   *     does not stand in the log by itself
   */
  private String compiled(String kernels, int level, List<String> methods, String flag)
      throws IOException {
    Path log = folder.resolve(kernels + level + flag.replace(':', '-'));
    List<String> flags = new ArrayList<>(COMPILE_SOON);
    flags.add("-Xlog:jit+compilation=debug:file=" + log);
    flags.add(flag);
    String hash = ChildJvm.value(run(kernels, ROUNDS, flags), "hash");
    String lines = Files.readString(log);
    for (String method : methods) {
      Pattern line = Pattern.compile("\\s" + level + "\\s+\\S+\\." + method + " ");
      assertTrue(line.matcher(lines).find(), method + " has not been compiled");
    }
    return hash;
  }

  private void assertSameBits(String kernels, List<String> methods) throws IOException {
    String expected = ChildJvm.value(run(kernels, 1, List.of("-Xint")), "hash");
    assertEquals(expected, compiled(kernels, 1, methods, "-XX:TieredStopAtLevel=1"));
    assertEquals(expected, compiled(kernels, 4, methods, "-Dlora4j.threads=3"));
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "vector")
  void interpreterAndCompilersGiveTheSameBitsOfPortableKernels() throws IOException {
    assertSameBits(
        "portable", List.of("Exponential::exp", "PortableKernels::softmax", "Tile::add\\w*"));
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void interpreterAndCompilersGiveTheSameBitsOfVectorKernels() throws IOException {
    boolean widest = run("vector", 1, List.of()).contains("16 lanes");
    List<String> methods =
        List.of(
            widest ? "Transpose16::square" : "Panels::turn",
            "WideTiles::multiply\\d*",
            "NarrowTiles::\\w+",
            "WideProduct::(start|compute)",
            "Panels::turn",
            "BFloat16Weight::widen",
            "SoftmaxRows::(exponentials|softmax)",
            "SoftmaxRows::(dot|backward)",
            "NormRows::(normalize|forward)",
            "NormRows::(gradient|backward)",
            "GeluRange::forward",
            "GeluRange::(gradient|backward)",
            "AdamWRange::step");
    assertSameBits("vector", methods);
  }
}
