package io.github.lora4j.benchmark;

import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import org.openjdk.jmh.results.RunResult;

/**
 * One measured benchmark.
 *
 * @param name its class and method
 * @param parameters its parameters but for the number of threads
 * @param threads how many threads shared a call
 * @param work what a call had to do
 * @param median the median of the iterations of all forks, nanoseconds a call
 * @param best the best of them
 */
record Row(String name, String parameters, int threads, Work work, double median, double best) {

  private static final String FORMAT = "%-18s %-32s %7s %11s %11s %14s %8s %8s";

  static Row of(Group group, RunResult result) {
    Parameters parameters = new Parameters(result.getParams());
    double[] times =
        result.getBenchmarkResults().stream()
            .flatMap(fork -> fork.getIterationResults().stream())
            .mapToDouble(iteration -> iteration.getPrimaryResult().getScore())
            .sorted()
            .toArray();
    return new Row(
        parameters.method(),
        parameters.toString(),
        parameters.number("threads"),
        group.work().apply(parameters),
        (times[(times.length - 1) / 2] + times[times.length / 2]) / 2,
        times[0]);
  }

  /** Work a nanosecond, which is GFLOP/s or GB/s, at the median. */
  double rate() {
    return work.amount() / median;
  }

  /** The same at the best. */
  double bestRate() {
    return work.amount() / best;
  }

  static String header() {
    return FORMAT.formatted(
        "benchmark",
        "parameters",
        "threads",
        "median",
        "best",
        "rate at median",
        "of peak",
        "at best");
  }

  /** The line of the table; {@code peaks} are those measured in this run. */
  String line(Collection<Row> peaks) {
    double peak = peak(peaks);
    return FORMAT.formatted(
        name,
        parameters,
        threads,
        time(median),
        time(best),
        number("%.1f %s", rate(), work.unit() == Work.Unit.FLOP ? "GFLOP/s" : "GB/s   "),
        share(rate(), peak),
        share(bestRate(), peak));
  }

  /**
   * The peak for this kind of work and number of threads: the fastest of all for arithmetic, that
   * of about the same memory for what is limited by memory.
   */
  private double peak(Collection<Row> peaks) {
    Row[] fitting =
        peaks.stream()
            .filter(p -> p.work.unit() == work.unit() && p.threads == threads)
            .toArray(Row[]::new);
    double distance = Arrays.stream(fitting).mapToDouble(this::distance).min().orElse(0);
    return Arrays.stream(fitting)
        .filter(p -> distance(p) <= distance)
        .mapToDouble(Row::bestRate)
        .max()
        .orElse(Double.NaN);
  }

  /** How much the memory touched differs, as the logarithm of a ratio; 0 for arithmetic. */
  private double distance(Row peak) {
    return work.unit() == Work.Unit.FLOP
        ? 0
        : Math.abs(Math.log(work.memory() / peak.work.memory()));
  }

  private static String share(double rate, double peak) {
    return Double.isNaN(peak) ? "-" : number("%.0f %%", 100 * rate / peak);
  }

  private static String time(double nanos) {
    return nanos < 1e6 ? number("%.2f us", nanos / 1e3) : number("%.2f ms", nanos / 1e6);
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
