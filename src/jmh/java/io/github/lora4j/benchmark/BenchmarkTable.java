package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.ActiveKernels;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs the benchmarks and prints one table: time, rate, and share of the peak that the same run has
 * measured.
 *
 * <p>Arguments: {@code quick} or {@code full}; a regular expression found in {@code Class.method};
 * the numbers of threads, {@code 1,2}; the kernels, {@code vector} or {@code portable}.
 */
public final class BenchmarkTable {

  private final boolean quick;
  private final String[] threads;
  private final String kernels;

  private BenchmarkTable(boolean quick, String[] threads, String kernels) {
    this.quick = quick;
    this.threads = threads;
    this.kernels = kernels;
  }

  public static void main(String[] args) throws RunnerException {
    if (args.length != 4 || !args[0].matches("quick|full")) {
      throw new IllegalArgumentException("arguments: quick|full REGEX THREADS[,...] KERNELS");
    }
    new BenchmarkTable(args[0].equals("quick"), args[2].split(","), args[3])
        .run(Pattern.compile(args[1]));
  }

  private void run(Pattern asked) throws RunnerException {
    long start = System.nanoTime();
    System.out.printf(
        "Java %s, %s kernels, %d processors, load %s%n%n%s%n",
        Runtime.version(),
        kernels,
        Runtime.getRuntime().availableProcessors(),
        load(),
        Row.header());
    Pattern all = Pattern.compile("");
    List<Row> peaks = new ArrayList<>();
    for (Group group : Group.PEAKS) {
      peaks.addAll(measure(group, all));
    }
    print(peaks, peaks);
    for (Group group : Group.ALL) {
      print(measure(group, asked), peaks);
    }
    System.out.println(
        "\nthe peak once more; above 100 % the first was disturbed and all shares are too high");
    print(measure(Group.PEAKS.get(0), Pattern.compile("registers")), peaks);
    System.out.printf(
        Locale.ROOT, "%n%.0f s, load %s%n", (System.nanoTime() - start) * 1e-9, load());
  }

  private static void print(Collection<Row> rows, Collection<Row> peaks) {
    rows.forEach(row -> System.out.println(row.line(peaks)));
  }

  private Collection<Row> measure(Group group, Pattern asked) throws RunnerException {
    String[] include = group.include(asked);
    if (include.length == 0) {
      return List.of();
    }
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .shouldFailOnError(true)
            .forks(quick ? 1 : 2)
            .warmupIterations(quick ? 2 : 3)
            .warmupTime(TimeValue.milliseconds(quick ? 400 : 500))
            .measurementIterations(5)
            .measurementTime(TimeValue.milliseconds(quick ? 100 : 400))
            .jvmArgs(
                "--add-modules",
                "jdk.incubator.vector",
                "-D" + ActiveKernels.PROPERTY + "=" + kernels,
                "-Xmx2g")
            .param("threads", threads);
    for (String name : include) {
      options.include(name);
    }
    if (quick) {
      group.quick().forEach((name, values) -> options.param(name, values.toArray(String[]::new)));
    }
    return run(options.build()).stream().map(result -> Row.of(group, result)).toList();
  }

  /** What JMH and its processes have to say is of interest only when they fail. */
  private static Collection<RunResult> run(Options options) throws RunnerException {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    OutputFormat format =
        OutputFormatFactory.createFormatInstance(
            new PrintStream(said, true, StandardCharsets.UTF_8), VerboseMode.NORMAL);
    try {
      return new Runner(options, format).run();
    } catch (RunnerException e) {
      System.out.println(said.toString(StandardCharsets.UTF_8));
      throw e;
    }
  }

  /** How many threads of all programs wanted a processor in the last minute. */
  private static String load() {
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    return load < 0 ? "unknown" : String.format(Locale.ROOT, "%.1f", load);
  }
}
