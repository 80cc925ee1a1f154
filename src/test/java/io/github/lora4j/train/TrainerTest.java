package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.error.NonFiniteException;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {

  private static Trainer trainer(SequenceModel model, float rate) {
    return new Trainer(model, new AdamW(model.trainedParameters(), rate, 0));
  }

  @Test
  void trainingLearnsAndReportsWhatItDid() {
    SequenceModel model = new LastToken();
    Trainer trainer = trainer(model, 0.05f);
    List<StepReport> steps = new ArrayList<>();
    List<EvaluationReport> evaluations = new ArrayList<>();
    trainer.listener(
        new TrainingListener() {
          @Override
          public void stepTaken(StepReport report) {
            steps.add(report);
          }

          @Override
          public void evaluated(EvaluationReport report) {
            evaluations.add(report);
          }
        });
    Metrics before = trainer.evaluate(LastToken.batches(8));
    TrainingResult result =
        trainer.evaluatingEvery(5).fit(LastToken.batches(8), LastToken.batches(8), 20);
    Metrics after = trainer.evaluate(LastToken.batches(8));
    assertEquals(1.0, after.accuracy());
    assertTrue(after.loss() < before.loss() / 2);
    assertEquals(160, result.steps());
    assertEquals(160 * 3, result.tokens());
    assertEquals(160, steps.size());
    assertEquals(evaluations, result.history());
    // Every fifth step, and at the end of each epoch of eight; both fall together every fortieth
    // step.
    assertEquals(160 / 5 + 20 - 160 / 40, evaluations.size());
  }

  @Test
  void evaluationChangesNothing() {
    SequenceModel model = new LastToken();
    float[] weights = model.namedParameters().get("head.weight").data().clone();
    Metrics first = Trainer.evaluate(model, LastToken.batches(5));
    Metrics second = Trainer.evaluate(model, LastToken.batches(5));
    assertEquals(first.loss(), second.loss());
    assertEquals(10, first.targets());
    assertArrayEquals(weights, model.namedParameters().get("head.weight").data());
  }

  @Test
  void clippingBoundsTheUpdateOfPlainDescent() {
    // With the first moment alone AdamW's first step does not depend on the length of the gradient,
    // so the
    // factor is seen in the second moment: a tiny norm makes eps count.
    SequenceModel clipped = new LastToken();
    SequenceModel free = new LastToken();
    trainer(clipped, 0.05f)
        .clipping(1e-9)
        .stoppingAfter(1)
        .fit(LastToken.batches(1), LastToken.batches(1), 1);
    trainer(free, 0.05f).stoppingAfter(1).fit(LastToken.batches(1), LastToken.batches(1), 1);
    float[] start = new LastToken().namedParameters().get("head.weight").data();
    double clippedMove = move(start, clipped);
    double freeMove = move(start, free);
    assertTrue(clippedMove > 0);
    assertTrue(clippedMove < freeMove / 5, clippedMove + " against " + freeMove);
  }

  private static double move(float[] start, SequenceModel model) {
    float[] now = model.namedParameters().get("head.weight").data();
    double sum = 0;
    for (int i = 0; i < start.length; i++) {
      sum += Math.abs(now[i] - start[i]);
    }
    return sum;
  }

  @Test
  void anInfiniteLossStopsBeforeTheStepAndNamesIt() {
    SequenceModel model = new LastToken();
    Parameter weight = model.namedParameters().get("head.weight");
    weight.data()[0] = Float.NaN;
    float[] before = weight.data().clone();
    NonFiniteException e =
        assertThrows(
            NonFiniteException.class,
            () -> trainer(model, 0.1f).fit(LastToken.batches(3), LastToken.batches(1), 1));
    assertTrue(e.getMessage().contains("step 0, epoch 0, batch 0"), e.getMessage());
    assertTrue(e.getMessage().contains("[0, 1]"), e.getMessage());
    assertArrayEquals(before, weight.data());
  }

  @Test
  void macroF1AndConfusionAreThoseOfTheDefinition() {
    Metrics metrics = new Metrics(0.5, 10, 0.7, new long[][] {{4, 1}, {2, 3}});
    double f0 = 2 * 4 / (2 * 4 + 2 + 1.0);
    double f1 = 2 * 3 / (2 * 3 + 1 + 2.0);
    assertEquals((f0 + f1) / 2, metrics.macroF1(), 1e-12);
    assertEquals(Math.exp(0.5), metrics.perplexity(), 1e-12);
    assertEquals(0, new Metrics(1, 0, 0, new long[0][0]).macroF1());
  }

  @Test
  void metricsFileHoldsWhatWasReached(@TempDir Path folder) throws IOException {
    SequenceModel model = new LastToken();
    TrainingResult result =
        trainer(model, 0.05f).fit(LastToken.batches(4), LastToken.batches(2), 2);
    Metrics test = Trainer.evaluate(model, LastToken.batches(8));
    new MetricsFile(model.trainedParameterCount(), model.parameterCount(), 123, result)
        .part("test", test)
        .write(folder);
    Map<String, Object> read = Fixtures.asMap(Fixtures.value(folder.resolve(MetricsFile.NAME)));
    assertEquals(2.0 * LastToken.CHANNELS + 2, read.get("trainable_parameters"));
    assertEquals(
        2.0 * LastToken.CHANNELS + 2 + LastToken.VOCABULARY * LastToken.CHANNELS,
        read.get("total_parameters"));
    assertEquals(123.0, read.get("seed"));
    assertNotEquals("", read.get("kernels"));
    assertEquals(test.accuracy(), Fixtures.asMap(read.get("test")).get("accuracy"));
    assertEquals(test.macroF1(), Fixtures.asMap(read.get("test")).get("macro_f1"));
    assertEquals(2, ((List<?>) read.get("history")).size());
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }
}
