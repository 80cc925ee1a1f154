package io.github.lora4j.cli;

import io.github.lora4j.error.Excerpt;
import io.github.lora4j.lora.AdapterContents;
import io.github.lora4j.lora.AdapterContents.Branch;
import io.github.lora4j.lora.AdapterMetadata;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Prints what is in the folder of an adapter. Every text of a file is escaped. */
final class AdapterSummary {

  private final Output output;

  AdapterSummary(Output output) {
    this.output = output;
  }

  void print(AdapterContents contents) {
    AdapterMetadata metadata = contents.metadata();
    List<Branch> branches = contents.branches();
    line("kind", contents.kind().name().toLowerCase(Locale.ROOT));
    line("task", metadata.task().toString());
    line("base", Objects.requireNonNullElse(metadata.baseModel(), "not named"));
    if (!metadata.labels().isEmpty()) {
      line("labels", String.join(", ", metadata.labels()));
    }
    line("rank", distinct(branches, Branch::rank));
    line("alpha", distinct(branches, Branch::alpha));
    line("scaling", distinct(branches, branch -> name(branch) + " " + branch.factor()));
    line("DoRA", distinct(branches, branch -> branch.isDora() ? "yes" : "no"));
    line("targets", String.join(", ", contents.targets()));
    output.line("%-20s%,d", "trained parameters", contents.trainedParameters());
    metadata.facts().forEach(this::line);
    contents.hashes().forEach((file, hash) -> line("SHA-256", hash + "  " + file));
    output.line("");
    String row = "%-40s %5s %12s %12s %12s";
    output.line(row, "module", "rank", "||A||", "||B||", "||change||");
    for (Branch branch : branches) {
      output.line(
          "%-40s %5d %12.6g %12.6g %12.6g",
          Excerpt.of(branch.name()),
          branch.rank(),
          branch.normA(),
          branch.normB(),
          branch.normDelta());
    }
    contents.others().forEach((name, norm) -> output.line("%-72s %12.6g", Excerpt.of(name), norm));
  }

  private void line(String title, String value) {
    output.line("%-20s%s", Excerpt.of(title), Excerpt.of(value));
  }

  private static String name(Branch branch) {
    return branch.scaling().name().toLowerCase(Locale.ROOT);
  }

  /** The values that there are, each once; in most adapters it is one. */
  private static String distinct(List<Branch> branches, Function<Branch, Object> value) {
    return branches.stream()
        .map(branch -> value.apply(branch).toString())
        .distinct()
        .collect(Collectors.joining(", "));
  }
}
