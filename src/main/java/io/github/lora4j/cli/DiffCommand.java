package io.github.lora4j.cli;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.lora.AdapterDifference;
import io.github.lora4j.lora.AdapterDifference.ModuleDifference;
import io.github.lora4j.lora.AdapterDifference.Side;
import io.github.lora4j.lora.AdapterDifference.TensorDifference;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lora4j diff}: how far two adapters are from each other. */
@Command(
    name = "diff",
    description = {
      "Compare two adapters, module by module: rank, alpha and factor of both, the norm of what they"
          + " add to the weight, and ||d1 - d2|| / max(||d1||, ||d2||).",
      "The exit code is 1 if they differ by more than the tolerance."
    },
    sortOptions = false)
final class DiffCommand implements Callable<Integer> {

  static final int DIFFERENT = 1;

  @Parameters(index = "0", paramLabel = "ADAPTER", description = "The folder of an adapter.")
  private Path first = Path.of("");

  @Parameters(index = "1", paramLabel = "ADAPTER", description = "The folder of another.")
  private Path second = Path.of("");

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      description = "The relative distance that is accepted (default: 0, no different bit).")
  private double tolerance = 0;

  private final Output output;

  DiffCommand(Output output) {
    this.output = output;
  }

  @Override
  public Integer call() throws IOException {
    Require.notNegative("--tolerance", tolerance);
    AdapterDifference difference = AdapterDifference.of(first, second);
    String header = "%-32s %11s %17s %19s %25s %10s";
    output.line(header, "module", "rank", "alpha", "factor", "norm of the change", "distance");
    for (ModuleDifference module : difference.modules()) {
      Side one = module.first();
      Side other = module.second();
      output.line(
          "%-32s %5d %5d %8.5g %8.5g %9.5g %9.5g %12.6g %12.6g %10.3e%s",
          Excerpt.of(module.name()),
          one.rank(),
          other.rank(),
          one.alpha(),
          other.alpha(),
          one.factor(),
          other.factor(),
          one.norm(),
          other.norm(),
          module.distance(),
          module.isSame() ? " same" : "");
    }
    for (TensorDifference tensor : difference.tensors()) {
      output.line(
          "%-80s %12.6g %12.6g %10.3e%s",
          Excerpt.of(tensor.name()),
          tensor.firstNorm(),
          tensor.secondNorm(),
          tensor.distance(),
          tensor.isSame() ? " same" : "");
    }
    difference
        .onlyInFirst()
        .forEach(name -> output.line("only in %s: %s", first, Excerpt.of(name)));
    difference
        .onlyInSecond()
        .forEach(name -> output.line("only in %s: %s", second, Excerpt.of(name)));
    difference.uses().forEach(use -> output.line("%s", use));
    boolean isDifferent = difference.exceeds(tolerance);
    output.line(
        "%s, largest distance %.3e",
        isDifferent ? "different" : tolerance > 0 ? "same within the tolerance" : "same",
        difference.largestDistance());
    return isDifferent ? DIFFERENT : 0;
  }
}
