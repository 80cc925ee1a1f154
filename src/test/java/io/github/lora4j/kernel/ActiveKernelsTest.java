package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/**
 * Which kernels serve under which flags, each case in a virtual machine of its own. A case runs in
 * that one of the two runs of the build that it belongs to.
 */
@Timeout(300)
class ActiveKernelsTest {

  private static final String REMEDY = "--add-modules jdk.incubator.vector";

  /** Prints the kernels that are chosen. */
  static final class Main {
    private Main() {}

    public static void main(String[] args) {
      try {
        System.out.println("kernels " + ActiveKernels.get().name());
        System.out.println("description " + ActiveKernels.get().description());
      } catch (IllegalArgumentException e) {
        System.out.println("refused " + e.getMessage());
      }
    }
  }

  private static String run(boolean module, String... flags) {
    List<String> all = new ArrayList<>(List.of(flags));
    if (module) {
      all.addAll(ChildJvm.WITH_MODULE);
    }
    return ChildJvm.run(Main.class, all);
  }

  /** The kernels that were chosen and how many warnings were logged. */
  private static void assertKernels(String expected, int warnings, String output) {
    assertEquals(expected, ChildJvm.value(output, "kernels"), output);
    assertEquals(warnings, warnings(output), output);
  }

  private static long warnings(String output) {
    return output.lines().filter(line -> line.startsWith("WARN ")).count();
  }

  /** Surefire runs all tests twice and says which kernels it expects; see the pom. */
  @Test
  void theKernelsOfThisRunAreThoseTheBuildExpects() {
    String expected = System.getProperty("expect.kernel");
    assumeTrue(expected != null, "not started by the build");
    assertEquals(expected, ActiveKernels.get().name());
    assertSame(ActiveKernels.get(), ActiveKernels.get());
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void withTheModuleTheVectorKernelsServeWithoutWarning() {
    String output = run(true);
    assertKernels("vector", 0, output);
    assertTrue(ChildJvm.value(output, "description").matches("vector, \\d+ lanes"), output);
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "vector")
  void withoutTheModuleOneWarningNamesTheFlag() {
    for (String[] flags : new String[][] {{}, {"-Dlora4j.kernels=vector"}}) {
      String output = run(false, flags);
      assertKernels("portable", 1, output);
      assertTrue(output.contains(REMEDY), output);
    }
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "vector")
  void thePortableKernelsCanBeAskedFor() {
    for (boolean module : new boolean[] {false, true}) {
      assertKernels("portable", 0, run(module, "-Dlora4j.kernels=portable"));
    }
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void withoutFusedMultiplyAddThePortableKernelsServe() {
    assertKernels("portable", 0, run(true, "-XX:-UseFMA"));
    assertKernels("portable", 1, run(true, "-XX:-UseFMA", "-Dlora4j.kernels=vector"));
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void withoutTheOptimizingCompilerThePortableKernelsServe() {
    assertKernels("portable", 0, run(true, "-Xint"));
    assertKernels("portable", 0, run(true, "-XX:TieredStopAtLevel=1"));
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void slowVectorKernelsServeWhoAsksForThemButWarn() {
    String output = run(true, "-Xint", "-Dlora4j.kernels=vector");
    assertKernels("vector", 1, output);
    assertTrue(output.contains("The Vector API is slow here"), output);
    assertTrue(output.contains("-Dlora4j.kernels=portable"), output);
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "portable")
  void withoutVectorsOfAtLeastFourFloatsThePortableKernelsServe() {
    assertKernels("portable", 0, run(true, "-XX:MaxVectorSize=8"));
  }

  @Test
  @DisabledIfSystemProperty(named = "expect.kernel", matches = "vector")
  void anUnknownNameIsRefused() {
    String output = run(false, "-Dlora4j.kernels=fast");
    String refusal = "kernels: vector or portable expected, got fast (-Dlora4j.kernels)";
    assertEquals(refusal, ChildJvm.value(output, "refused"), output);
  }
}
