package io.github.lora4j.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code lora4j}. */
@Command(
    name = "lora4j",
    description = "LoRA finetuning of GPT-2 in pure Java.",
    synopsisSubcommandLabel = "COMMAND",
    sortOptions = false,
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:done",
      "1:a fault of lora4j itself; from diff, adapters that differ",
      "2:wrong options or arguments",
      "3:a file breaks its format or is not supported",
      "4:valid files that do not fit together",
      "5:a file cannot be read or written",
      "7:a loss, gradient or weight is NaN or infinite",
      "9:out of memory",
      "10:a training whose receipt has complaints, such as an A or B that did not move",
      "130:interrupted"
    })
public final class Main {

  /** Read by picocli. */
  @SuppressWarnings("UnusedVariable")
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help.")
  private boolean help;

  private Main() {}

  /**
   * Runs a command and ends the process with its exit code.
   *
   * @param arguments the command and its options
   */
  public static void main(String[] arguments) {
    PrintWriter out = printer(System.out);
    PrintWriter err = printer(System.err);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    int code = run(new Output(out, err, System.console() != null), in, arguments);
    out.flush();
    err.flush();
    System.exit(code);
  }

  private static PrintWriter printer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, UTF_8), true);
  }

  /** Runs a command; returns its exit code. */
  static int run(Output output, BufferedReader in, String... arguments) {
    try {
      return commandLine(output, in).execute(arguments);
    } catch (OutOfMemoryError e) {
      output.note("error: %s", ExitCodes.message(e));
      return ExitCodes.of(e);
    }
  }

  private static CommandLine commandLine(Output output, BufferedReader in) {
    CommandLine line =
        new CommandLine(new Main())
            .addSubcommand("train", new TrainCommand(output))
            .addSubcommand("evaluate", new EvaluateCommand(output))
            .addSubcommand("predict", new PredictCommand(output, in))
            .addSubcommand("inspect", new InspectCommand(output))
            .addSubcommand("diff", new DiffCommand(output))
            .addSubcommand("convert", new ConvertCommand(output))
            .addSubcommand("merge", new MergeCommand(output))
            .addSubcommand("logits", new LogitsCommand(output))
            .addSubcommand("bench", new BenchCommand(output))
            .addSubcommand("pretrain", new PretrainCommand(output))
            .registerConverter(Double.class, new DecimalConverter())
            .registerConverter(double.class, new DecimalConverter())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setOut(output.out())
            .setErr(output.err())
            .setParameterExceptionHandler((failure, args) -> usageFailure(output, failure))
            .setExecutionExceptionHandler(
                (failure, command, parsed) -> {
                  output.note("error: %s", ExitCodes.message(failure));
                  return ExitCodes.of(failure);
                });
    line.setUsageHelpAutoWidth(true);
    return line;
  }

  private static int usageFailure(Output output, ParameterException failure) {
    CommandSpec command = failure.getCommandLine().getCommandSpec();
    String message = String.valueOf(failure.getMessage());
    if (failure instanceof UnmatchedArgumentException unmatched) {
      List<String> suggestions = new ArrayList<>(unmatched.getSuggestions());
      suggestions.addAll(
          abbreviated(unmatched.getUnmatched().get(0), command.optionsMap().keySet()));
      if (!suggestions.isEmpty()) {
        message += " (did you mean " + suggestions.get(0) + "?)";
      }
    }
    output.note(
        "error: %s; see %s --help",
        message.replaceAll("\\p{Cntrl}+", " ").strip(), command.qualifiedName());
    return ExitCodes.USAGE;
  }

  /** The options whose initials a text begins with: {@code --lr} is meant for --learning-rate. */
  private static List<String> abbreviated(String text, Set<String> options) {
    return options.stream()
        .filter(
            option -> {
              String initials = option.replaceAll("-+([a-z])[a-z]*", "$1");
              return initials.length() > 1 && text.startsWith("--" + initials);
            })
        .toList();
  }
}
