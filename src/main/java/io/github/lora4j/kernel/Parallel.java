package io.github.lora4j.kernel;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs independent tasks on the threads of one shared pool of daemons; the caller works too.
 *
 * <p>Tasks are handed out in ascending order to whoever is free. A task must write only what no
 * other task of the call reads or writes; then the result is the same for any number of threads. A
 * call from inside a task runs on the thread that makes it. Many threads may call at once; they
 * share the pool.
 *
 * <p>The pool grows on demand to {@code threads() - 1} and a thread that finds nothing to do for
 * half a minute ends. Whoever waits spins for some microseconds before it parks: a training step
 * has about a thousand parallel regions, and waking a parked thread costs as much as a small one.
 */
public final class Parallel {

  private static final long SPIN_NANOS = 40_000;
  private static final long KEEP_ALIVE_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private static final AtomicInteger THREADS = new AtomicInteger(defaultThreads());
  private static final ThreadLocal<Boolean> INSIDE_TASK = ThreadLocal.withInitial(() -> false);

  private Parallel() {}

  private static int defaultThreads() {
    Integer asked = Integer.getInteger("lora4j.threads");
    return asked != null && asked > 0 ? Math.min(asked, 1024) : PROCESSORS;
  }

  /**
   * How many threads a call uses, the caller included.
   *
   * @return the number of threads; at the start {@code -Dlora4j.threads}, or the number of
   *     processors
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
   * <p>When a task throws, those not yet begun are left out, and the first exception or error is
   * thrown again here after the others have ended.
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
    Call call = new Call(count, helpers, task);
    Pool.open(call);
    INSIDE_TASK.set(true);
    try {
      call.work();
    } finally {
      INSIDE_TASK.set(false);
    }
    Pool.close(call);
    call.await();
  }

  /** Spinning helps only while every thread has a processor of its own. */
  private static long spinDeadline() {
    return System.nanoTime() + (threads() <= PROCESSORS ? SPIN_NANOS : 0);
  }

  /** One call of {@link #forEach}, shared by the threads that work on it. */
  private static final class Call {
    private final int count;
    private final int helpers;
    private final IntConsumer task;
    private final Thread caller = Thread.currentThread();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicInteger joined = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean callerParks;

    Call(int count, int helpers, IntConsumer task) {
      this.count = count;
      this.helpers = helpers;
      this.task = task;
    }

    /** Whether the thread that asks may help; each success takes one of the places. */
    boolean join() {
      return next.get() < count && joined.get() < helpers && joined.getAndIncrement() < helpers;
    }

    void work() {
      for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
        try {
          if (failure.get() == null) {
            task.accept(i);
          }
        } catch (Throwable e) {
          failure.compareAndSet(null, e);
        } finally {
          if (done.incrementAndGet() == count && callerParks) {
            LockSupport.unpark(caller);
          }
        }
      }
    }

    void await() {
      for (long deadline = spinDeadline(); done.get() < count; ) {
        if (System.nanoTime() > deadline) {
          park();
        }
        Thread.onSpinWait();
      }
      Throwable cause = failure.get();
      if (cause instanceof RuntimeException e) {
        throw e;
      }
      if (cause instanceof Error e) {
        throw e;
      }
      if (cause != null) {
        throw new CompletionException(cause);
      }
    }

    private void park() {
      boolean interrupted = false;
      callerParks = true;
      while (done.get() < count) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
      if (interrupted) {
        caller.interrupt();
      }
    }
  }

  /** The shared threads and the calls that are open to them. */
  private static final class Pool {
    private static final Object LOCK = new Object();
    private static final ArrayDeque<Worker> PARKED = new ArrayDeque<>(); // guarded by LOCK
    private static int workers; // guarded by LOCK
    private static int created; // guarded by LOCK
    private static volatile Call[] open = {}; // replaced under LOCK, read without

    static void open(Call call) {
      synchronized (LOCK) {
        Call[] grown = Arrays.copyOf(open, open.length + 1);
        grown[open.length] = call;
        open = grown;
        for (int i = 0; i < call.helpers && !PARKED.isEmpty(); i++) {
          LockSupport.unpark(PARKED.removeLast());
        }
        while (workers < call.helpers && startWorker()) {}
      }
    }

    /** Without a further thread the others do the work, so a failure to start one is no failure. */
    private static boolean startWorker() {
      try {
        new Worker("lora4j-" + ++created).start();
        workers++;
        return true;
      } catch (OutOfMemoryError e) {
        return false;
      }
    }

    static void close(Call call) {
      synchronized (LOCK) {
        Call[] rest = new Call[open.length - 1];
        int kept = 0;
        for (Call other : open) {
          if (other != call) {
            rest[kept++] = other;
          }
        }
        open = rest;
      }
    }

    private static @Nullable Call joinAny() {
      for (Call call : open) {
        if (call.join()) {
          return call;
        }
      }
      return null;
    }

    /** The next call to help with, or null after a long time without any. */
    static @Nullable Call next(Worker worker) {
      for (long deadline = spinDeadline(); System.nanoTime() < deadline; Thread.onSpinWait()) {
        Call call = joinAny();
        if (call != null) {
          return call;
        }
      }
      for (long end = System.nanoTime() + KEEP_ALIVE_NANOS; ; ) {
        synchronized (LOCK) {
          Call call = joinAny();
          if (call != null) {
            return call;
          }
          PARKED.addLast(worker);
        }
        LockSupport.parkNanos(PARKED, end - System.nanoTime());
        synchronized (LOCK) {
          // To return from there without being woken means nothing: being woken at the moment one
          // parks leaves a wake-up for the next time.
          boolean woken = !PARKED.remove(worker);
          if (!woken && System.nanoTime() - end >= 0) {
            return joinAny();
          }
        }
      }
    }

    static void ended() {
      synchronized (LOCK) {
        workers--;
      }
    }
  }

  /** A daemon that helps with one open call after the other. */
  private static final class Worker extends Thread {

    Worker(String name) {
      super(null, null, name, 0, false);
      setDaemon(true);
    }

    @Override
    public void run() {
      INSIDE_TASK.set(true);
      try {
        for (Call call = Pool.next(this); call != null; call = Pool.next(this)) {
          call.work();
        }
      } finally {
        Pool.ended();
      }
    }
  }
}
