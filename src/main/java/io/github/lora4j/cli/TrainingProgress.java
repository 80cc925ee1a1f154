package io.github.lora4j.cli;

import io.github.lora4j.train.EvaluationReport;
import io.github.lora4j.train.StepReport;
import io.github.lora4j.train.TrainingListener;
import java.util.Locale;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Shows how training goes: on a terminal as a bar with loss, tokens per second and the time that is
 * left, else as a line for each evaluation and every so many steps.
 */
final class TrainingProgress implements TrainingListener, AutoCloseable {

  private static final int WIDTH = 100;
  private static final double LOSS_MEMORY = 0.95;

  private final Output output;
  private final long totalSteps;
  private final long lineEvery;
  private final @Nullable ProgressBar bar;
  private double loss = Double.NaN;
  private double tokens;
  private double seconds;

  /**
   * Starts to show a run.
   *
   * @param totalSteps its steps, as far as known
   * @param lineEvery after how many steps a line is printed if there is no terminal
   */
  TrainingProgress(Output output, long totalSteps, long lineEvery) {
    this.output = output;
    this.totalSteps = totalSteps;
    this.lineEvery = lineEvery;
    this.bar = output.terminal() ? bar() : null;
  }

  private ProgressBar bar() {
    return new ProgressBarBuilder()
        .setTaskName("training")
        .setInitialMax(totalSteps)
        .setUpdateIntervalMillis(250)
        .setStyle(ProgressBarStyle.ASCII)
        .setConsumer(
            new DelegatingProgressBarConsumer(
                text -> {
                  output.err().print('\r' + text);
                  output.err().flush();
                },
                WIDTH))
        .build();
  }

  @Override
  public void stepTaken(StepReport report) {
    loss =
        Double.isNaN(loss) ? report.loss() : LOSS_MEMORY * loss + (1 - LOSS_MEMORY) * report.loss();
    tokens += report.realTokens();
    seconds += report.seconds();
    String state =
        String.format(
            Locale.ROOT, "loss %.3f, %,.0f tokens/s", loss, tokens / Math.max(seconds, 1e-9));
    if (bar != null) {
      bar.setExtraMessage(" " + state);
      bar.stepTo(report.step() + 1);
    } else if ((report.step() + 1) % lineEvery == 0) {
      double left = seconds / (report.step() + 1) * (totalSteps - report.step() - 1);
      output.note("step %,d of %,d: %s, %.0f s left", report.step() + 1, totalSteps, state, left);
    }
  }

  @Override
  public void evaluated(EvaluationReport report) {
    if (report.validation().targets() > 0) {
      output.note(
          "%sepoch %d, step %,d: training loss %.4f, validation loss %.4f, accuracy %.2f %%",
          bar == null ? "" : "\r" + " ".repeat(WIDTH) + "\r",
          report.epoch() + 1,
          report.step(),
          report.trainLoss(),
          report.validation().loss(),
          100 * report.validation().accuracy());
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      output.note("");
    }
  }
}
