package io.github.lora4j.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the kernels have done, by operation; safe for many threads. */
public final class KernelProfile implements AutoCloseable {

  /**
   * The sum over all calls of one operation.
   *
   * @param operation its name in {@link Kernels}, with what tells uses of it apart
   * @param calls how often it was called
   * @param seconds how long the calls took, each from its begin to its end
   * @param operations floating-point operations, a fused multiply-add as two
   * @param bytes what must be read and written at least, 4 bytes an element
   */
  public record Entry(
      String operation, long calls, double seconds, double operations, double bytes) {

    Entry plus(double moreSeconds, double moreOperations, double moreBytes) {
      return new Entry(
          operation,
          calls + 1,
          seconds + moreSeconds,
          operations + moreOperations,
          bytes + moreBytes);
    }
  }

  private final Map<String, Entry> entries = new TreeMap<>();

  private final Runnable end;

  KernelProfile(Runnable end) {
    this.end = end;
  }

  /** Ends the counting. */
  @Override
  public void close() {
    end.run();
  }

  /** Runs and counts one call. */
  void time(String operation, double operations, double bytes, Runnable call) {
    long start = System.nanoTime();
    call.run();
    double seconds = (System.nanoTime() - start) * 1e-9;
    synchronized (entries) {
      Entry before = entries.getOrDefault(operation, new Entry(operation, 0, 0, 0, 0));
      entries.put(operation, before.plus(seconds, operations, bytes));
    }
  }

  /**
   * What was counted since the last {@link #clear}.
   *
   * @return an entry for each operation, the longest first
   */
  public List<Entry> entries() {
    synchronized (entries) {
      List<Entry> all = new ArrayList<>(entries.values());
      all.sort((a, b) -> Double.compare(b.seconds(), a.seconds()));
      return all;
    }
  }

  /** Forgets what was counted. */
  public void clear() {
    synchronized (entries) {
      entries.clear();
    }
  }
}
