package io.github.lora4j.benchmark;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.openjdk.jmh.infra.BenchmarkParams;

/** The parameters of one row of the table. */
public record Parameters(BenchmarkParams jmh) {

  /** A parameter that is one number. */
  public int number(String name) {
    return Integer.parseInt(jmh.getParam(name));
  }

  /** A parameter of the form 768x3072, multiplied out. */
  public double product(String name) {
    return Arrays.stream(jmh.getParam(name).split("x"))
        .mapToDouble(Double::parseDouble)
        .reduce(1, (a, b) -> a * b);
  }

  /** The name of the benchmark's method. */
  public String method() {
    String name = jmh.getBenchmark();
    return name.substring(name.lastIndexOf('.') + 1);
  }

  /** All but the number of threads, which has a column of its own. */
  @Override
  public String toString() {
    return jmh.getParamsKeys().stream()
        .filter(name -> !name.equals("threads"))
        .map(name -> name + " " + jmh.getParam(name))
        .collect(Collectors.joining(", "));
  }
}
