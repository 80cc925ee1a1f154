package io.github.lora4j.benchmark;

import io.github.lora4j.kernel.vector.PeakBenchmark;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * A class of benchmarks and how to read its results.
 *
 * @param type the class
 * @param work what a call has to do
 * @param quick parameters of the quick mode; one that is not named keeps its values
 */
record Group(Class<?> type, Function<Parameters, Work> work, Map<String, List<String>> quick) {

  /** What the others are compared with. */
  static final List<Group> PEAKS =
      List.of(
          new Group(
              PeakBenchmark.class,
              p -> Work.flops(PeakBenchmark.flops(p.method(), p.number("threads"))),
              Map.of()),
          new Group(
              TriadBenchmark.class, TriadBenchmark::work, Map.of("mebibytes", List.of("8", "32"))));

  static final List<Group> ALL =
      List.of(
          new Group(
              LinearBenchmark.class,
              LinearBenchmark::work,
              Map.of("shape", List.of("768x3072", "3072x768"), "rows", List.of("960"))),
          new Group(
              LoraBenchmark.class,
              LoraBenchmark::work,
              Map.of("width", List.of("768"), "rows", List.of("960"), "rank", List.of("16"))),
          new Group(
              AttentionBenchmark.class,
              AttentionBenchmark::work,
              Map.of("width", List.of("768"), "tokens", List.of("120", "1024"))),
          new Group(
              ActivationBenchmark.class,
              ActivationBenchmark::work,
              Map.of("width", List.of("768"), "rows", List.of("960"))),
          new Group(
              SoftmaxBenchmark.class, SoftmaxBenchmark::work, Map.of("length", List.of("120"))),
          new Group(
              AdamWBenchmark.class, AdamWBenchmark::work, Map.of("length", List.of("2666528"))));

  /** The patterns, as JMH wants them, of the benchmarks whose {@code Class.method} is asked for. */
  String[] include(Pattern asked) {
    return Arrays.stream(type.getMethods())
        .filter(method -> method.isAnnotationPresent(Benchmark.class))
        .filter(method -> asked.matcher(type.getSimpleName() + "." + method.getName()).find())
        .map(method -> "^" + Pattern.quote(type.getName() + "." + method.getName()) + "$")
        .toArray(String[]::new);
  }
}
