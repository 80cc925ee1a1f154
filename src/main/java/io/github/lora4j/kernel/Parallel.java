package io.github.lora4j.kernel;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs independent tasks on the threads of one shared pool of daemons; the caller works too.
 *
 * <p>Tasks are handed out in ascending order to whoever is free. A task must write only what no other task
 * of the call reads or writes; then the result is the same for any number of threads. A call from inside a
 * task runs on the thread that makes it. Many threads may call at once.
 */
public final class Parallel {

  private static final AtomicInteger THREADS = new AtomicInteger(defaultThreads());
  private static final ThreadLocal<Boolean> INSIDE_TASK = ThreadLocal.withInitial(() -> false);

  private Parallel() {}

  private static int defaultThreads() {
    Integer asked = Integer.getInteger("lora4j.threads");
    return asked != null && asked > 0 ? asked : Runtime.getRuntime().availableProcessors();
  }

  /**
   * How many threads a call uses, the caller included.
   *
   * @return the number of threads; at the start {@code -Dlora4j.threads}, or the number of processors
   */
  public static int threads() {
    return THREADS.get();
  }

  /**
   * Sets how many threads later calls use.
   *
   * @param threads the number of threads, the caller included, from 1 to 1024
   */
  public static void setThreads(int threads) {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("threads: 1 to 1024 expected, got " + threads);
    }
    THREADS.set(threads);
  }

  /**
   * Runs {@code task} for each number from 0 to {@code count - 1} and returns when all are done.
   *
   * @param count the number of tasks
   * @param task what to do with a number
   */
  public static void forEach(int count, IntConsumer task) {
    int helpers = Math.min(threads(), count) - 1;
    if (helpers <= 0 || INSIDE_TASK.get()) {
      for (int i = 0; i < count; i++) {
        task.accept(i);
      }
      return;
    }
    Call call = new Call(count, task);
    for (int i = 0; i < helpers; i++) {
      Pool.EXECUTOR.execute(call);
    }
    call.run();
    call.await();
  }

  /** Holds the pool, so that a process that never computes has no threads. */
  private static final class Pool {
    static final ThreadPoolExecutor EXECUTOR = create();

    private static ThreadPoolExecutor create() {
      AtomicInteger number = new AtomicInteger();
      ThreadPoolExecutor executor =
          new ThreadPoolExecutor(
              1023,
              1023,
              30,
              TimeUnit.SECONDS,
              new LinkedBlockingQueue<>(),
              body -> {
                Thread thread = new Thread(body, "lora4j-" + number.incrementAndGet());
                thread.setDaemon(true);
                return thread;
              });
      executor.allowCoreThreadTimeOut(true);
      return executor;
    }
  }

  /** One call of {@link #forEach}, shared by the threads that work on it. */
  private static final class Call implements Runnable {
    private final int count;
    private final IntConsumer task;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Call(int count, IntConsumer task) {
      this.count = count;
      this.task = task;
    }

    @Override
    public void run() {
      INSIDE_TASK.set(true);
      try {
        for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
          runOne(i);
        }
      } finally {
        INSIDE_TASK.set(false);
      }
    }

    private void runOne(int i) {
      try {
        if (failure.get() == null) {
          task.accept(i);
        }
      } catch (Throwable e) {
        failure.compareAndSet(null, e);
      } finally {
        if (done.incrementAndGet() == count) {
          synchronized (this) {
            notifyAll();
          }
        }
      }
    }

    void await() {
      boolean interrupted = false;
      synchronized (this) {
        while (done.get() < count) {
          try {
            wait();
          } catch (InterruptedException e) {
            interrupted = true;
          }
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      Throwable cause = failure.get();
      if (cause instanceof RuntimeException e) {
        throw e;
      }
      if (cause instanceof Error e) {
        throw e;
      }
    }
  }
}
