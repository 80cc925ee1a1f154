package io.github.lora4j.train;

import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Buffers;
import io.github.lora4j.tensor.Sequences;
import io.github.lora4j.tensor.Tape;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.Batch;
import io.github.lora4j.text.BatchSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The training loop: forward, backward, clip, step, for each batch of each epoch, with evaluations
 * of the validation data every so many steps and at the end of an epoch.
 */
public final class Trainer {

  private static final double NORM_EPS = 1e-6;

  private final SequenceModel model;
  private final AdamW optimizer;
  private final List<TrainingListener> listeners = new ArrayList<>();
  private double clipNorm = Double.POSITIVE_INFINITY;
  private long evaluateEvery = Long.MAX_VALUE;
  private long maxSteps = Long.MAX_VALUE;
  private long seed;

  /**
   * A trainer without clipping that evaluates at the end of each epoch.
   *
   * @param model what is trained; its parameters that are not frozen change
   * @param optimizer how; knows those parameters
   */
  public Trainer(SequenceModel model, AdamW optimizer) {
    this.model = model;
    this.optimizer = optimizer;
  }

  /**
   * Clips gradients by their global norm: they are multiplied by {@code min(1, norm / (global norm
   * + 1e-6))} (Pascanu et al. 2013).
   *
   * @param norm the largest global norm, above 0
   * @return this trainer
   */
  public Trainer clipping(double norm) {
    if (!(norm > 0)) {
      throw new IllegalArgumentException("clipping: a norm above 0 expected, got " + norm);
    }
    clipNorm = norm;
    return this;
  }

  /**
   * Evaluates the validation data also in the middle of an epoch.
   *
   * @param steps after how many steps each, at least 1
   * @return this trainer
   */
  public Trainer evaluatingEvery(long steps) {
    evaluateEvery = atLeastOne("evaluatingEvery", steps);
    return this;
  }

  /**
   * Ends training early.
   *
   * @param steps after how many steps, at least 1
   * @return this trainer
   */
  public Trainer stoppingAfter(long steps) {
    maxSteps = atLeastOne("stoppingAfter", steps);
    return this;
  }

  private static long atLeastOne(String operation, long steps) {
    if (steps < 1) {
      throw new IllegalArgumentException(operation + ": at least 1 step expected, got " + steps);
    }
    return steps;
  }

  /**
   * Sets the seed that dropout draws with.
   *
   * @param seed any number
   * @return this trainer
   */
  public Trainer seed(long seed) {
    this.seed = seed;
    return this;
  }

  /**
   * Tells a listener of steps and evaluations.
   *
   * @param listener the listener
   * @return this trainer
   */
  public Trainer listener(TrainingListener listener) {
    listeners.add(listener);
    return this;
  }

  /**
   * Trains.
   *
   * @param train the batches to learn from
   * @param validation the batches to evaluate, at the end of each epoch at least
   * @param epochs how often the training batches are gone through, at least 1
   * @return what was done
   * @throws NonFiniteException if a loss or a gradient is NaN or infinite; the step is not taken
   */
  public TrainingResult fit(BatchSource train, BatchSource validation, int epochs) {
    if (epochs < 1) {
      throw new IllegalArgumentException("fit: at least 1 epoch expected, got " + epochs);
    }
    Run run = new Run(validation);
    for (int epoch = 0; epoch < epochs && run.steps < maxSteps; epoch++) {
      for (Batch batch : train.epoch(epoch)) {
        if (run.steps == maxSteps) {
          break;
        }
        run.step(batch);
        if (run.steps % evaluateEvery == 0) {
          run.evaluate(epoch);
        }
      }
      run.evaluate(epoch);
    }
    return new TrainingResult(run.steps, run.tokens, run.seconds, run.history);
  }

  /**
   * Computes the metrics of the model on some data, changing nothing.
   *
   * @param data batches with targets
   * @return the metrics over all of them
   */
  public Metrics evaluate(BatchSource data) {
    return evaluate(model, data);
  }

  /**
   * Computes the metrics of a model on some data, changing nothing.
   *
   * @param model any model
   * @param data batches with targets
   * @return the metrics over all of them
   */
  public static Metrics evaluate(SequenceModel model, BatchSource data) {
    MetricsCounter counter = new MetricsCounter();
    for (Batch batch : data.epoch(0)) {
      counter.add(model.forward(new Sequences(batch.tokenIds(), batch.offsets()), null), batch);
    }
    return counter.metrics();
  }

  /** What one call of fit keeps from step to step. */
  private final class Run {
    private final Buffers buffers = new Buffers();
    private final BatchSource validation;
    private final List<EvaluationReport> history = new ArrayList<>();
    private long steps;
    private long tokens;
    private double seconds;
    private double lossSum;
    private long lossCount;

    Run(BatchSource validation) {
      this.validation = validation;
    }

    void step(Batch batch) {
      long start = System.nanoTime();
      optimizer.zeroGrad();
      Tape tape = new Tape(buffers, seed, batch.epoch(), steps);
      Sequences sequences = new Sequences(batch.tokenIds(), batch.offsets());
      Tensor loss = model.loss(sequences, batch.targets(), Batch.IGNORE_INDEX, tape);
      checkFinite("loss", loss.item(), batch);
      loss.backward();
      double norm = optimizer.gradientNorm();
      checkFinite("gradient norm", norm, batch);
      optimizer.step((float) Math.min(1, clipNorm / (norm + NORM_EPS)));
      double taken = (System.nanoTime() - start) * 1e-9;
      StepReport report =
          new StepReport(
              steps,
              batch.epoch(),
              loss.item(),
              norm,
              batch.tokenIds().length,
              batch.realTokens(),
              taken);
      steps++;
      tokens += batch.realTokens();
      seconds += taken;
      lossSum += loss.item();
      lossCount++;
      listeners.forEach(listener -> listener.stepTaken(report));
    }

    private void checkFinite(String what, double value, Batch batch) {
      if (!Double.isFinite(value)) {
        throw new NonFiniteException(
            "F-13",
            "step %d, epoch %d, batch %d".formatted(steps, batch.epoch(), batch.number()),
            "training: a finite %s expected, got %s for the examples %s; nothing was changed by this step (lower the learning rate, or look at these examples)"
                .formatted(what, value, Arrays.toString(batch.examples())));
      }
    }

    void evaluate(int epoch) {
      if (!history.isEmpty() && history.get(history.size() - 1).step() == steps) {
        return;
      }
      double trainLoss = lossCount == 0 ? Double.NaN : lossSum / lossCount;
      EvaluationReport report =
          new EvaluationReport(steps, epoch, trainLoss, Trainer.evaluate(model, validation));
      lossSum = 0;
      lossCount = 0;
      history.add(report);
      listeners.forEach(listener -> listener.evaluated(report));
    }
  }
}
