package io.github.lora4j.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ParallelTest {

  private final int threadsBefore = Parallel.threads();

  @AfterEach
  void restoreThreads() {
    Parallel.setThreads(threadsBefore);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8, 40})
  void everyNumberIsVisitedOnce(int threads) {
    Parallel.setThreads(threads);
    for (int count : new int[] {0, 1, 2, 3, 7, 1000}) {
      AtomicIntegerArray visits = new AtomicIntegerArray(count);
      Parallel.forEach(count, visits::incrementAndGet);
      for (int i = 0; i < count; i++) {
        assertEquals(1, visits.get(i), "number " + i + " of " + count);
      }
    }
  }

  @Test
  void asManyThreadsWorkAsAreSet() {
    Set<Thread> seen = threeThreadsThatMeet(() -> {});
    assertEquals(3, seen.size());
    assertTrue(seen.contains(Thread.currentThread()), "the caller works too");
    for (Thread thread : seen) {
      assertTrue(thread == Thread.currentThread() || thread.isDaemon(), thread.getName());
    }
  }

  @Test
  void noMoreThreadsWorkThanAreSet() {
    Parallel.setThreads(8);
    Parallel.forEach(64, i -> pause());
    Parallel.setThreads(2);
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    Parallel.forEach(
        64,
        i -> {
          seen.add(Thread.currentThread());
          pause();
        });
    assertTrue(seen.size() <= 2, seen.size() + " threads");
  }

  /** As when a thread is woken at the moment it parks, which leaves a wake-up for the next time. */
  @Test
  void aThreadThatIsWokenForNothingStays() {
    Set<Thread> seen = threeThreadsThatMeet(() -> LockSupport.unpark(Thread.currentThread()));
    for (int i = 0; i < 20; i++) {
      pause();
    }
    for (Thread thread : seen) {
      assertTrue(thread.isAlive(), thread.getName());
    }
  }

  @Test
  void aCallInsideATaskStaysOnItsThread() {
    Parallel.setThreads(4);
    Set<Integer> strays = ConcurrentHashMap.newKeySet();
    Parallel.forEach(
        16,
        i -> {
          Thread outer = Thread.currentThread();
          Parallel.forEach(
              16,
              j -> {
                if (Thread.currentThread() != outer) {
                  strays.add(i);
                }
              });
        });
    assertEquals(Set.of(), strays);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8})
  void theFirstFailureReachesTheCallerAndThePoolLivesOn(int threads) {
    Parallel.setThreads(threads);
    for (int round = 0; round < 200; round++) {
      Throwable failure = round % 2 == 0 ? new IllegalStateException("x") : new LinkageError("y");
      int place = round % 16;
      Throwable thrown =
          assertThrows(
              failure.getClass(),
              () ->
                  Parallel.forEach(
                      16,
                      i -> {
                        if (i == place) {
                          ParallelTest.<RuntimeException>sneak(failure);
                        }
                      }));
      assertSame(failure, thrown);
    }
    AtomicInteger sum = new AtomicInteger();
    Parallel.forEach(100, sum::addAndGet);
    assertEquals(4950, sum.get());
  }

  @Test
  void noTaskIsStillRunningWhenAFailureIsThrown() {
    Parallel.setThreads(4);
    AtomicInteger running = new AtomicInteger();
    assertThrows(
        IllegalStateException.class,
        () ->
            Parallel.forEach(
                4,
                i -> {
                  running.incrementAndGet();
                  try {
                    if (i == 0) {
                      throw new IllegalStateException();
                    }
                    pause();
                    pause();
                  } finally {
                    running.decrementAndGet();
                  }
                }));
    assertEquals(0, running.get());
  }

  @Test
  void manyCallersShareThePool() throws InterruptedException {
    Parallel.setThreads(4);
    long[] sums = new long[6];
    List<Thread> callers = new ArrayList<>();
    for (int c = 0; c < sums.length; c++) {
      int caller = c;
      Thread thread =
          new Thread(
              () -> {
                for (int round = 0; round < 2000; round++) {
                  int[] values = new int[17];
                  Parallel.forEach(17, i -> values[i] = i + caller);
                  sums[caller] += Arrays.stream(values).sum();
                }
              });
      callers.add(thread);
      thread.start();
    }
    for (Thread thread : callers) {
      thread.join();
    }
    long[] expected = new long[6];
    Arrays.setAll(expected, c -> 2000L * (136 + 17 * c));
    assertArrayEquals(expected, sums);
  }

  @Test
  void anInterruptIsKeptForTheCaller() {
    Parallel.setThreads(2);
    Thread.currentThread().interrupt();
    AtomicInteger done = new AtomicInteger();
    Parallel.forEach(
        8,
        i -> {
          busyFor(2_000_000);
          done.incrementAndGet();
        });
    assertEquals(8, done.get());
    assertTrue(Thread.interrupted(), "the interrupt is lost");
    assertFalse(Thread.interrupted());
  }

  @Test
  void theNumberOfThreadsIsChecked() {
    assertThrows(IllegalArgumentException.class, () -> Parallel.setThreads(0));
    assertThrows(IllegalArgumentException.class, () -> Parallel.setThreads(1025));
  }

  @Test
  void thePoolGrowsOnlyAsFarAsTasksNeed() {
    Parallel.setThreads(1024);
    long before = poolThreads();
    Parallel.forEach(5, i -> pause());
    assertTrue(poolThreads() <= Math.max(before, 4), poolThreads() + " threads");
  }

  /** The threads of a call of which each does something and waits for the others. */
  private static Set<Thread> threeThreadsThatMeet(Runnable before) {
    Parallel.setThreads(3);
    CountDownLatch allThere = new CountDownLatch(3);
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    Parallel.forEach(
        3,
        i -> {
          seen.add(Thread.currentThread());
          before.run();
          allThere.countDown();
          waitFor(allThere);
        });
    return seen;
  }

  private static long poolThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("lora4j-"))
        .count();
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> void sneak(Throwable e) throws E {
    throw (E) e;
  }

  private static void busyFor(long nanos) {
    long end = System.nanoTime() + nanos;
    while (System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(5);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void waitFor(CountDownLatch latch) {
    try {
      assertTrue(latch.await(10, TimeUnit.SECONDS), "fewer threads than set");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
