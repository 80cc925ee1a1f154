package io.github.lora4j.kernel;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** How many bytes this thread allocates in a call. */
final class Allocation {

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private Allocation() {}

  static long of(Runnable call) {
    long thread = Thread.currentThread().getId();
    long before = THREADS.getThreadAllocatedBytes(thread);
    call.run();
    return THREADS.getThreadAllocatedBytes(thread) - before;
  }

  /** The least of calls repeated until it is no more than allowed, or patience is at an end. */
  static long least(Runnable call, long allowed, long patienceNanos) {
    long least = Long.MAX_VALUE;
    long end = System.nanoTime() + patienceNanos;
    while (least > allowed && System.nanoTime() < end) {
      least = Math.min(least, of(call));
    }
    return least;
  }
}
