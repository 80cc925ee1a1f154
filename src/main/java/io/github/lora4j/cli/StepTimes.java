package io.github.lora4j.cli;

import com.sun.management.ThreadMXBean;
import io.github.lora4j.kernel.KernelProfile;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where the time of training steps goes. Steps with a negative number are not counted. */
final class StepTimes {

  private final double[] seconds;
  private final @Nullable KernelProfile profile;
  private int counted;
  private int step;
  private long start;
  private long forwardEnd;
  private long backwardEnd;
  private double forward;
  private double backward;
  private double optimizer;
  private Map<Long, Long> allocatedBefore = Map.of();
  private long allocated;

  StepTimes(int steps, @Nullable KernelProfile profile) {
    this.seconds = new double[steps];
    this.profile = profile;
  }

  void begin(int number) {
    step = number;
    if (step == 0 && profile != null) {
      profile.clear();
    }
    allocatedBefore = allocatedBytes();
    start = System.nanoTime();
  }

  void forwardDone() {
    forwardEnd = System.nanoTime();
  }

  void backwardDone() {
    backwardEnd = System.nanoTime();
  }

  void end() {
    long end = System.nanoTime();
    if (step < 0) {
      return;
    }
    seconds[counted++] = (end - start) * 1e-9;
    forward += (forwardEnd - start) * 1e-9;
    backward += (backwardEnd - forwardEnd) * 1e-9;
    optimizer += (end - backwardEnd) * 1e-9;
    allocatedBytes()
        .forEach((thread, bytes) -> allocated += bytes - allocatedBefore.getOrDefault(thread, 0L));
  }

  /** What each thread that is alive has allocated. */
  private static Map<Long, Long> allocatedBytes() {
    Map<Long, Long> bytes = new HashMap<>();
    if (ManagementFactory.getThreadMXBean() instanceof ThreadMXBean threads
        && threads.isThreadAllocatedMemorySupported()) {
      for (long id : threads.getAllThreadIds()) {
        bytes.put(id, Math.max(0, threads.getThreadAllocatedBytes(id)));
      }
    }
    return bytes;
  }

  double median() {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }

  double fastest() {
    return Arrays.stream(seconds).min().orElse(Double.NaN);
  }

  /** The mean over the steps, rounded to a tenth. */
  double allocatedMebibytes() {
    return Math.round(10.0 * allocated / counted / (1 << 20)) / 10.0;
  }

  /** The breakdown of a mean step, a line each; none without a profile. */
  List<String> table() {
    List<String> lines = new ArrayList<>();
    if (profile == null) {
      return lines;
    }
    double total = forward + backward + optimizer;
    lines.add("%-20s %8s %9s %7s %9s %8s".formatted("", "calls", "ms", "share", "GFLOP/s", "GB/s"));
    lines.add(line("forward", forward, total));
    lines.add(line("backward", backward, total));
    lines.add(line("optimizer", optimizer, total));
    double inKernels = 0;
    for (KernelProfile.Entry entry : profile.entries()) {
      inKernels += entry.seconds();
      lines.add(
          "%-20s %8d %9.2f %6.1f%% %9.1f %8.1f"
              .formatted(
                  entry.operation(),
                  entry.calls() / counted,
                  1e3 * entry.seconds() / counted,
                  100 * entry.seconds() / total,
                  entry.operations() / entry.seconds() * 1e-9,
                  entry.bytes() / entry.seconds() * 1e-9));
    }
    lines.add(line("the rest", total - inKernels, total));
    return lines;
  }

  private String line(String name, double sum, double total) {
    return "%-20s %8s %9.2f %6.1f%%".formatted(name, "", 1e3 * sum / counted, 100 * sum / total);
  }
}
