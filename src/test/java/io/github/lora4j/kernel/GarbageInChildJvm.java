package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Whether calls go on to allocate in a virtual machine of their own. */
final class GarbageInChildJvm {

  /** The objects of a call; a box for each vector would be ten times that. */
  private static final long ALLOWED = 4096;

  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  private GarbageInChildJvm() {}

  /** Prints, in the child, which calls allocate. */
  static void print(Kernels kernels, Map<String, Runnable> calls) {
    List<String> allocating = new ArrayList<>();
    calls.forEach(
        (name, call) -> {
          long found = Allocation.least(call, ALLOWED, PATIENCE_NANOS);
          if (found > ALLOWED) {
            allocating.add("%s: %,d bytes".formatted(name, found));
          }
        });
    System.out.println("kernels " + kernels.name());
    System.out.println("allocating " + allocating);
  }

  /** Runs a main class that prints this for the vector kernels, and expects no call to allocate. */
  static void assertNone(Class<?> main, String... flags) {
    List<String> all = new ArrayList<>(ChildJvm.WITH_MODULE);
    all.add("-Dlora4j.kernels=vector");
    all.addAll(List.of(flags));
    String output = ChildJvm.run(main, all);
    assertEquals("vector", ChildJvm.value(output, "kernels"));
    assertEquals("[]", ChildJvm.value(output, "allocating"), output);
  }
}
