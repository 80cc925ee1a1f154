package io.github.lora4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lora4j.Fixtures;
import io.github.lora4j.gpt2.Gpt2;
import io.github.lora4j.gpt2.Gpt2LanguageModel;
import io.github.lora4j.gpt2.LoadOptions;
import io.github.lora4j.kernel.Parallel;
import io.github.lora4j.kernel.WeightFormat;
import io.github.lora4j.lora.Lora;
import io.github.lora4j.lora.LoraConfig;
import io.github.lora4j.nn.Embedding;
import io.github.lora4j.nn.Linear;
import io.github.lora4j.nn.Module;
import io.github.lora4j.nn.Parameter;
import io.github.lora4j.nn.SequenceModel;
import io.github.lora4j.tensor.Tensor;
import io.github.lora4j.text.BatchSource;
import io.github.lora4j.text.CorpusLoader;
import io.github.lora4j.text.TextCorpus;
import io.github.lora4j.train.TrainingReceipt.Trained;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReceiptKeeperTest {

  private static final String DATA = "0123456789abcdef".repeat(4);
  private static final long SEED = 11;

  private static LastToken adapted() {
    LastToken model = new LastToken();
    model.freeze();
    Lora.apply(model, LoraConfig.of(2, 4));
    return model;
  }

  private static TrainingReceipt train(SequenceModel model, int steps, Runnable afterwards) {
    return train(model, LastToken.batches(4), steps, afterwards);
  }

  private static TrainingReceipt train(
      SequenceModel model, BatchSource data, int steps, Runnable afterwards) {
    ReceiptKeeper keeper = new ReceiptKeeper(model, SEED, DATA, Trainer.evaluate(model, data));
    TrainingResult result =
        new Trainer(model, new AdamW(model.trainedParameters(), 0.05f, 0))
            .stoppingAfter(steps)
            .fit(data, data, steps);
    afterwards.run();
    return keeper.after(result, result.lastMetrics());
  }

  private static Parameter parameter(Module model, String name) {
    return model.namedParameters().get(name);
  }

  @Test
  void receiptSaysWhatTrainingDid() {
    LastToken model = adapted();
    float[] start = parameter(model, "head.lora.A").data().clone();
    TrainingReceipt receipt = train(model, 6, () -> {});
    assertTrue(receipt.holds(), receipt.complaints().toString());
    assertEquals(6, receipt.steps());
    assertEquals(6 * 3, receipt.tokens());
    assertEquals(SEED, receipt.seed());
    assertEquals(DATA, receipt.dataHash());
    assertTrue(receipt.after().loss() < receipt.before().loss());
    assertEquals(8, receipt.before().targets());
    assertEquals(3, receipt.frozen()); // the table, the head's weight and bias

    assertEquals(
        List.of("head.lora.A", "head.lora.B"),
        receipt.trained().stream().map(Trained::name).toList());
    Trained a = receipt.trained().get(0);
    assertEquals(LastToken.CHANNELS * 2, a.elements());
    float[] now = parameter(model, "head.lora.A").data();
    double largest =
        IntStream.range(0, now.length)
            .mapToDouble(i -> Math.abs(now[i] - start[i]))
            .max()
            .orElse(0);
    assertEquals(largest, a.largestChange());
    // B starts at 0: what it changed by is what it is.
    float[] b = parameter(model, "head.lora.B").data();
    double inB = IntStream.range(0, b.length).mapToDouble(i -> Math.abs(b[i])).max().orElse(0);
    assertTrue(inB > 0);
    assertEquals(inB, receipt.trained().get(1).largestChange());
  }

  @Test
  void aSingleStepMovesBAloneAndTheReceiptSaysSo() {
    TrainingReceipt receipt = train(adapted(), 1, () -> {});
    assertEquals(List.of("head.lora.A"), receipt.unmoved());
    assertEquals(List.of("1 of 2 trained tensors did not move: head.lora.A"), receipt.complaints());
    assertFalse(receipt.holds());
    assertEquals("false", receipt.facts().get("receipt_holds"));
  }

  @Test
  void theLastBitOfAFrozenTensorCounts() {
    LastToken model = adapted();
    float[] table = parameter(model, "table.weight").data();
    TrainingReceipt receipt = train(model, 6, () -> table[63] = Math.nextUp(table[63]));
    assertEquals(List.of("table.weight"), receipt.changed());
    assertEquals(List.of("1 of 3 frozen tensors changed: table.weight"), receipt.complaints());
  }

  @Test
  void aNumberThatIsNotFiniteIsNamedWhereverItIs() {
    LastToken model = adapted();
    TrainingReceipt receipt =
        train(
            model,
            6,
            () -> {
              parameter(model, "head.lora.B").data()[1] = Float.NaN;
              parameter(model, "head.linear.bias").data()[0] = Float.NEGATIVE_INFINITY;
            });
    assertEquals(List.of("head.lora.B", "head.linear.bias"), receipt.nonFinite());
    assertTrue(Float.isNaN(receipt.trained().get(1).largestChange()));
    assertEquals(
        List.of(
            "1 of 3 frozen tensors changed: head.linear.bias",
            "2 of 5 tensors hold a NaN or an infinity: head.lora.B, head.linear.bias"),
        receipt.complaints());
  }

  /** A head that shares its weight with the table, both trained or both frozen. */
  private static final class Tied extends Module {
    Tied(Parameter table) {
      child("table", new Embedding(table));
      child("head", new Linear(table, null, null));
    }
  }

  @Test
  void aParameterWithTwoNamesIsOneTensor() {
    TrainingResult result = new TrainingResult(1, 1, 1, List.of());
    Metrics none = new Metrics(0, 0, 0, new long[0][]);
    Tied frozen = new Tied(Parameter.frozen(Tensor.zeros(3, 4)));
    ReceiptKeeper keeper = new ReceiptKeeper(frozen, SEED, DATA, none);
    parameter(frozen, "head.weight").data()[11] = 1;
    TrainingReceipt receipt = keeper.after(result, none);
    assertEquals(1, receipt.frozen());
    assertEquals(List.of("table.weight"), receipt.changed());

    Tied trained = new Tied(Parameter.trained(Tensor.zeros(3, 4)));
    receipt = new ReceiptKeeper(trained, SEED, DATA, none).after(result, none);
    assertEquals(List.of(new Trained("table.weight", 12, 0)), receipt.trained());
    assertEquals(0, receipt.frozen());
  }

  private static Gpt2LanguageModel gpt2(WeightFormat format) throws IOException {
    Gpt2LanguageModel model =
        Gpt2.load(Fixtures.folder().resolve("gpt2-tiny"), LoadOptions.DEFAULT.withFormat(format))
            .languageModel();
    model.freeze();
    Lora.apply(model, LoraConfig.of(2, 4));
    return model;
  }

  private static BatchSource text() {
    int[] ids = IntStream.range(0, 64).map(i -> 7 * i % 100).toArray();
    return new CorpusLoader(TextCorpus.of("text", ids, 8), 4);
  }

  @ParameterizedTest
  @EnumSource(WeightFormat.class)
  void weightsOfABaseAreHashedAsTheyAreHeld(WeightFormat format) throws IOException {
    Gpt2LanguageModel model = gpt2(format);
    TrainingReceipt receipt = train(model, text(), 3, () -> {});
    assertTrue(receipt.holds(), receipt.complaints().toString());
    assertEquals(2 * 12, receipt.trained().size()); // A and B of 4 layers in each of 3 blocks
    // Two tables, the last norm; in each block two norms and four layers, of weight and bias.
    assertEquals(2 + 2 + 3 * 2 * (2 + 4), receipt.frozen());

    String name = "transformer.h.1.mlp.c_fc.linear.weight";
    Gpt2LanguageModel other = gpt2(format);
    receipt =
        train(
            other,
            text(),
            3,
            () -> {
              parameter(other, name)
                  .setTrained(true); // becomes an ordinary tensor of equal numbers
              parameter(other, name).data()[100] += 0.5f;
              parameter(other, name.replace("h.1", "h.2")).setTrained(true);
            });
    assertEquals(List.of(name), receipt.changed());
  }

  @Test
  void receiptIsTheSameForAnyNumberOfThreads() throws IOException {
    int threads = Parallel.threads();
    try {
      Parallel.setThreads(1);
      TrainingReceipt one = train(gpt2(WeightFormat.FLOAT32), text(), 3, () -> {});
      Parallel.setThreads(3);
      TrainingReceipt three = train(gpt2(WeightFormat.FLOAT32), text(), 3, () -> {});
      assertEquals(one.trained(), three.trained());
      assertEquals(one.facts(), three.facts());
      assertEquals(one.toString(), three.toString());
      assertEquals(one.after().loss(), three.after().loss());
    } finally {
      Parallel.setThreads(threads);
    }
  }

  @Test
  void aChangeIsFoundByAnyNumberOfThreads() {
    int threads = Parallel.threads();
    try {
      for (int count : new int[] {1, 2, 3}) {
        Parallel.setThreads(count);
        LastToken model = adapted();
        for (String name : List.of("table.weight", "head.linear.weight", "head.linear.bias")) {
          float[] values = parameter(model, name).data();
          float[] before = values.clone();
          assertEquals(
              List.of(name), train(model, 2, () -> values[0] += 1).changed(), count + " threads");
          System.arraycopy(before, 0, values, 0, values.length);
        }
        assertEquals(List.of(), train(model, 2, () -> {}).changed());
      }
    } finally {
      Parallel.setThreads(threads);
    }
  }
}
